// settled.ts - says what in a cluster is not yet as it is wanted, from the hub's objects and from what truly runs; pure
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject, Pod } from '../../../shared/kinds/object.ts'

/** What the hub has. */
export interface Wanted {
  list<T extends KubeObject>(kind: Kind<T>): readonly T[]
}

/** What runs on a device. */
export interface Observed {
  readonly name: string
  running(): readonly { identity: { podUid: string; pod: string } }[]
}

/** Undefined when everything is. */
export function isSettled(objects: Wanted, devices: readonly Observed[]): string | undefined {
  const pods = objects.list(POD)
  return (
    pods.map((pod) => podTrouble(pod, objects, devices)).find((trouble) => trouble !== undefined) ??
    workloadTrouble(objects) ??
    strayTrouble(pods, devices)
  )
}

function podTrouble(pod: Pod, objects: Wanted, devices: readonly Observed[]): string | undefined {
  const { name, uid, deletionTimestamp } = pod.metadata
  if (deletionTimestamp) return `pod ${name} is still going`
  if (!pod.spec.nodeName) return `pod ${name} has no node`
  const [owner] = pod.metadata.ownerReferences ?? []
  const owners = [...objects.list(REPLICA_SET), ...objects.list(DAEMON_SET)]
  if (owner && !owners.some(({ metadata }) => metadata.uid === owner.uid)) return `pod ${name} has lost its owner`
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  if (!isReady) return `pod ${name} is ${pod.status?.phase ?? 'new'} and not ready`
  for (const device of devices) {
    const wanted = device.name === pod.spec.nodeName ? pod.spec.containers.length : 0
    const count = device.running().filter(({ identity }) => identity.podUid === uid).length
    if (count !== wanted) return `pod ${name} has ${count} containers on ${device.name} instead of ${wanted}`
  }
  return undefined
}

function workloadTrouble(objects: Wanted): string | undefined {
  const owned = (uid: string) =>
    objects.list(POD).filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid)).length
  for (const { metadata, spec, status } of objects.list(DEPLOYMENT)) {
    const isSeen = status?.observedGeneration === metadata.generation
    const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {}
    const wanted = spec.replicas ?? 1
    if (!isSeen) return `deployment ${metadata.name} has not been looked at`
    if (replicas !== wanted || availableReplicas !== wanted || (!spec.paused && updatedReplicas !== wanted))
      return `deployment ${metadata.name}: ${JSON.stringify(status)} instead of ${wanted}`
  }
  for (const { metadata, spec } of objects.list(REPLICA_SET)) {
    const [owner] = metadata.ownerReferences ?? []
    if (owner && !objects.list(DEPLOYMENT).some((one) => one.metadata.uid === owner.uid))
      return `replica set ${metadata.name} has lost its deployment`
    const count = owned(metadata.uid)
    if (count !== (spec.replicas ?? 1)) return `replica set ${metadata.name} has ${count} instead of ${spec.replicas}`
  }
  for (const { metadata, status } of objects.list(DAEMON_SET)) {
    const { desiredNumberScheduled, numberReady = 0, updatedNumberScheduled = 0, numberMisscheduled } = status ?? {}
    const isSeen = status?.observedGeneration === metadata.generation
    if (!isSeen || numberReady !== desiredNumberScheduled || updatedNumberScheduled !== numberReady)
      return `daemon set ${metadata.name}: ${JSON.stringify(status)}`
    if (numberMisscheduled) return `daemon set ${metadata.name} is where it should not be`
  }
  return undefined
}

function strayTrouble(pods: readonly Pod[], devices: readonly Observed[]): string | undefined {
  const wanted = new Set(pods.map(({ metadata, spec }) => `${spec.nodeName ?? ''} ${metadata.uid}`))
  for (const device of devices) {
    const stray = device.running().find(({ identity }) => !wanted.has(`${device.name} ${identity.podUid}`))
    if (stray) return `${stray.identity.pod} runs on ${device.name} and nobody wants it`
  }
  return undefined
}
