// keep.ts - keeps what has lost its owners without anybody asking for that: it belongs to nobody now, and a person is asked
import { rfc3339, type Clock } from '../../../shared/clock.ts'
import { resourceName, type Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject, Meta } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { isJsonObject } from '../../../shared/kinds/schema-walk.ts'
import type { Log } from '../../../shared/log.ts'
import { UNKNOWN_ANNOTATION, UNKNOWN_REASON } from '../../../shared/recovery.ts'
import { referenceTo, type EventRecorder } from '../../store/events.ts'
import type { Objects } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import { ownersOf } from './plan.ts'

export interface KeepDeps {
  store: Store
  objects: Objects
  events: Pick<EventRecorder, 'record'>
  clock: Clock
  log: Log
}

const COMPONENT = 'garbage-collector'

/** The mark is in the store with the reference gone: a hub that starts again must not find ordinary garbage. */
export function keep(deps: KeepDeps, kind: Kind, object: KubeObject, uids: ReadonlySet<string>): void {
  const { store, objects, events, log } = deps
  const { namespace, name } = object.metadata
  const isPod = resourceName(kind) === resourceName(POD)
  const owners = ownersOf(object).filter(({ uid }) => uids.has(uid))
  store.transact(() => {
    objects.modify(kind, namespace, name, (current) => disowned(current, uids))
    if (isPod) markUnknown(deps, kind, object.metadata)
  })
  const gone = owners.map((owner) => `${owner.kind} ${owner.name}`).join(', ')
  const message = `its owner (${gone}) has vanished without having been deleted: it is kept`
  const decide = 'until you decide. See: holdfast recover'
  log.error({ kind: kind.kind, namespace, name, owners: gone }, 'an owner has vanished, what belonged to it is kept')
  events.record({
    about: referenceTo(object),
    severity: 'Warning',
    reason: 'OwnerVanished',
    message: isPod ? `${message} ${decide}` : `${message}, and belongs to nobody`,
    component: COMPONENT,
  })
}

export function disowned<T extends KubeObject>(object: T, uids: ReadonlySet<string>): T {
  const ownerReferences = ownersOf(object).filter((owner) => !uids.has(owner.uid))
  return { ...object, metadata: { ...object.metadata, ownerReferences } }
}

/** As those that come back from their devices: shown by `holdfast recover`, and taken over by an owner that lacks a pod. */
function markUnknown({ objects, clock }: KeepDeps, kind: Kind, { namespace, name }: Meta): void {
  const mark = { [UNKNOWN_ANNOTATION]: rfc3339(clock.wallMs()) }
  objects.modify(kind, namespace, name, (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...mark } },
  }))
  const said = (pod: KubeObject) => ({ ...pod, status: { ...statusOf(pod), reason: UNKNOWN_REASON } })
  objects.modify(kind, namespace, name, said, { subresource: 'status' })
}

const statusOf = ({ status }: KubeObject): object => (isJsonObject(status) ? status : {})
