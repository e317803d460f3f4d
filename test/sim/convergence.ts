// convergence.ts - what must be so once everything is healed: what is wanted is what runs, everywhere, and nothing else
import type { HubCore } from '../../hub/core.ts'
import { buildDocument } from '../../hub/fleet/node-document.ts'
import { STATE_ANNOTATION } from '../../hub/fleet/node-status.ts'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { canonicalJson } from '../../shared/hash.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import type { Site } from './site.ts'
import type { World } from './world.ts'

/** Everything that is not yet as it should be; empty: the fleet is at rest and right. */
export function missing({ hub, sites, hubDisk, options }: World): string[] {
  const { core } = hub
  if (!core) return ['the hub does not serve']
  const { store } = core
  if (store.durableRevision < store.revision || hubDisk.image.meta.revision < store.durableRevision)
    return ['the hub is writing']
  return [
    ...sites.flatMap((site) => missingOn(site, core, options.beatEveryMs)),
    ...missingOfWorkloads(core),
    ...missingOfPods(core),
  ]
}

function missingOn({ device, rules }: Site, core: HubCore, beatEveryMs: number): string[] {
  const { name } = device
  const wrong: string[] = []
  const state = core.objects.get(NODE, undefined, name)?.metadata.annotations?.[STATE_ANNOTATION]
  if (state !== 'Online') wrong.push(`${name} is ${state}`)
  if ((device.agent?.cache.peekJournal(1).length ?? 1) > 0) wrong.push(`${name} has entries in its journal`)
  if (contentOf(rules.held) !== canonicalJson(buildDocument(core.store, name, { beatEveryMs })))
    wrong.push(`${name} does not hold what the hub wants`)
  const bound = core.objects.by(POD, 'nodeName', name)
  const running = device.daemon.containers().filter((one) => one.state === 'running')
  for (const { identity, id } of running) {
    if (!bound.some(({ metadata }) => metadata.uid === identity.podUid))
      wrong.push(`${name} runs ${id} of ${identity.pod}, which nobody wants`)
  }
  for (const pod of bound.filter((one) => !hasEnded(one))) {
    for (const { name: container } of pod.spec.containers) {
      const mine = running.filter(
        ({ identity }) => identity.podUid === pod.metadata.uid && identity.container === container,
      )
      const wanted = pod.status?.containerStatuses?.find((one) => one.name === container)
      if (mine.length !== 1) wrong.push(`${name} runs ${mine.length} of ${pod.metadata.name}/${container}`)
      else if (wanted?.containerID !== `docker://${mine[0]?.id}`)
        wrong.push(`the hub knows ${pod.metadata.name}/${container} as ${wanted?.containerID}, it is ${mine[0]?.id}`)
    }
  }
  return wrong
}

/** What a device holds, without its number. */
function contentOf(held: DesiredState | undefined): string {
  if (!held) return 'nothing'
  const { epoch: _, revision: __, ...document } = held
  return canonicalJson(document)
}

const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

function missingOfWorkloads({ objects }: HubCore): string[] {
  const nodes = objects.list(NODE).length
  const deployments = objects.list(DEPLOYMENT).flatMap(({ metadata, spec, status }) => {
    const isDone =
      status?.observedGeneration === metadata.generation &&
      (status?.availableReplicas ?? 0) === spec.replicas &&
      (status?.replicas ?? 0) === spec.replicas &&
      (status?.updatedReplicas ?? 0) === spec.replicas
    return isDone
      ? []
      : [`deployment ${metadata.name} wants ${spec.replicas}: ${JSON.stringify({ ...status, conditions: undefined })}`]
  })
  const daemonSets = objects.list(DAEMON_SET).flatMap(({ metadata, status }) => {
    const isDone =
      status?.observedGeneration === metadata.generation &&
      status?.numberAvailable === nodes &&
      status.updatedNumberScheduled === nodes
    return isDone ? [] : [`daemonset ${metadata.name} is not everywhere: ${JSON.stringify(status)}`]
  })
  return [...deployments, ...daemonSets]
}

const missingOfPods = ({ objects }: HubCore): string[] =>
  objects.list(POD).flatMap((pod) => {
    const { name, deletionTimestamp } = pod.metadata
    if (deletionTimestamp !== undefined) return [`pod ${name} is still going`]
    if (pod.spec.nodeName === undefined) return [`pod ${name} has no place`]
    return []
  })
