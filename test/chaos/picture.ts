// picture.ts - what the hub says and what truly runs at one moment, and what may not have changed from one picture to the next
import type { Client } from '../../hub/cli/client.ts'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { apiVersionOf, type Kind } from '../../shared/kinds/kind.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { KubeObject, Node } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../shared/kinds/replica-set.ts'
import { isSettled, type Wanted } from '../support/cluster/settled.ts'
import { isLeased } from './apps.ts'
import { complaint } from './disks.ts'
import type { Fleet } from './fleet.ts'
import { runningOn, type Running } from './observed.ts'

export interface Picture {
  wanted: Wanted
  devices: readonly { name: string; running(): readonly Running[] }[]
}

export async function takePicture({ client, devices, engine }: Fleet): Promise<Picture> {
  const wanted = await allOf(client, [POD, REPLICA_SET, DEPLOYMENT, DAEMON_SET, NODE])
  const seen = await Promise.all(
    devices.map(async ({ agent }) => {
      const running = await runningOn(agent, engine)
      return { name: agent.nodeName, running: () => running }
    }),
  )
  return { wanted, devices: seen }
}

export async function allOf(client: Client, kinds: readonly Kind[]): Promise<Wanted> {
  const lists = new Map<string, readonly KubeObject[]>()
  for (const kind of kinds) {
    const version = apiVersionOf(kind)
    const path = `/${kind.group ? 'apis' : 'api'}/${version}/${kind.plural}`
    lists.set(kind.kind, (await client.get<{ items: KubeObject[] }>(path)).items)
  }
  // The hub lists under a kind what is of this kind.
  return { list: <T extends KubeObject>(kind: Kind<T>) => (lists.get(kind.kind) ?? []) as T[] }
}

/** What is not yet as it is wanted; undefined when everything is. */
export function unrest({ wanted, devices }: Picture): string | undefined {
  const bad = wanted.list(NODE).find((node) => conditionOf(node, 'Ready')?.status !== 'True')
  if (bad) return `node ${bad.metadata.name} is not ready: ${conditionOf(bad, 'Ready')?.message}`
  const ill = wanted.list(NODE).find((node) => conditionOf(node, 'StoreRebuilt')?.status === 'True')
  if (ill) return `node ${ill.metadata.name} has not got its store back`
  return complaint(wanted.list(NODE)) ?? isSettled(wanted, devices)
}

const conditionOf = ({ status }: Node, type: string) => status?.conditions?.find((one) => one.type === type)

/** Containers of pods that were there before and still are have to be the same ones. Undefined when they are. */
export function remade(before: Picture, after: Picture, ended: ReadonlySet<string>): string | undefined {
  const now = containersByPod(after)
  for (const [uid, was] of containersByPod(before)) {
    const is = now.get(uid)
    // What runs under a lease may be stopped by its device and go on in the same pod.
    if (!is || ended.has(uid) || isLeased(is.pod)) continue
    if (is.ids !== was.ids) return `${is.pod} has other containers: ${was.ids} before, ${is.ids} now`
  }
  return undefined
}

/** Other containers run than did. */
export function different(before: Picture, after: Picture): string | undefined {
  const idsOf = ({ devices }: Picture) =>
    devices
      .flatMap((device) => device.running().map(({ id }) => id))
      .toSorted()
      .join(' ')
  return idsOf(before) === idsOf(after) ? undefined : `what runs has changed from ${idsOf(before)} to ${idsOf(after)}`
}

function containersByPod({ devices }: Picture): Map<string, { pod: string; ids: string }> {
  const found = new Map<string, { pod: string; ids: string }>()
  for (const { id, identity } of devices.flatMap((device) => device.running())) {
    const others = found.get(identity.podUid)?.ids
    const ids = [...(others === undefined ? [] : [others]), id].toSorted().join(' ')
    found.set(identity.podUid, { pod: identity.pod, ids })
  }
  return found
}

/** Pods of apps that nobody touched, on devices that were never judged to be away, have to be there still. */
export function moved(before: Picture, after: Picture, touched: ReadonlySet<string>): string | undefined {
  const present = (picture: Picture) =>
    new Map(
      picture.wanted
        .list(NODE)
        .map((node) => [node.metadata.name, conditionOf(node, 'Ready')?.lastTransitionTime ?? '']),
    )
  const [was, is] = [present(before), present(after)]
  const there = new Set(after.wanted.list(POD).map(({ metadata }) => metadata.uid))
  for (const { metadata, spec } of before.wanted.list(POD)) {
    const node = spec.nodeName ?? ''
    const wasLeftAlone = !touched.has(metadata.labels?.['app'] ?? '') && was.get(node) === is.get(node)
    if (wasLeftAlone && !there.has(metadata.uid))
      return `pod ${metadata.name} on ${node} is gone, and nobody touched it`
  }
  return undefined
}
