// bring-back.ts - decides which objects a hub takes back from what a device holds, after it has lost a part of its history; pure
import type { Pod } from '../../shared/kinds/object.ts'
import { canonicalJson } from '../../shared/hash.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'

export interface BringBackInput {
  /** What the device holds: signed by this hub, when it knew more. */
  held: Pick<DesiredState, 'pods'>
  /** The pods that the store has on this node. */
  known: readonly Pod[]
  /** Who has this name in the store, on whatever node. */
  holderOf(namespace: string | undefined, name: string): Pod | undefined
  /** The device was told more than the hub remembers: what the store has beyond it is older than what the device says. */
  isNewer: boolean
}

export interface BringBack {
  /**
   * Run there, or were told to go and may be at it still, and the store does not have them. A name that somebody else
   * has by now gets an ending of its own.
   */
  unknown: readonly Pod[]
  /** In the store in an older form: as the device was told them last, also that they are to go. */
  changed: readonly Pod[]
  /** In the store, and on the device once, but taken from it in the part of the history that is lost. */
  gone: readonly Pod[]
}

export function planBringBack({ held, known, holderOf, isNewer }: BringBackInput): BringBack {
  const heldUids = new Set(held.pods.map(({ metadata }) => metadata.uid))
  const knownByUid = new Map(known.map((pod) => [pod.metadata.uid, pod]))
  const gone = isNewer ? known.filter((pod) => wasThere(pod) && !heldUids.has(pod.metadata.uid)) : []
  const goneUids = new Set(gone.map(({ metadata }) => metadata.uid))
  const named = (pod: Pod): Pod => {
    const holder = holderOf(pod.metadata.namespace, pod.metadata.name)
    return !holder || goneUids.has(holder.metadata.uid) ? pod : renamed(pod)
  }
  const unknown = held.pods.filter(({ metadata }) => !knownByUid.has(metadata.uid)).map(named)
  const changed = held.pods.flatMap((pod) => {
    const before = knownByUid.get(pod.metadata.uid)
    return isNewer && before && formOf(before) !== formOf(pod) ? [withFormOf(before, pod)] : []
  })
  return { unknown, changed, gone }
}

/** The device has said something about it: it had it. One that never arrived is not missing. */
const wasThere = ({ status }: Pod): boolean =>
  status?.startTime !== undefined || (status?.containerStatuses?.length ?? 0) > 0

const UID_CHARACTERS = 5
const NAME_CHARACTERS_MAX = 253 - UID_CHARACTERS - 1

/** The device knows it by its uid: another name restarts nothing. */
const renamed = (pod: Pod): Pod => ({
  ...pod,
  metadata: {
    ...pod.metadata,
    name: `${pod.metadata.name.slice(0, NAME_CHARACTERS_MAX)}-${pod.metadata.uid.slice(0, UID_CHARACTERS)}`,
  },
})

/**
 * What a user can change of a pod that runs, and whether it is to end: it is there until its device has stopped it.
 * Annotations of the hub's own make no difference to the device.
 */
const formOf = ({ metadata: { labels = {}, deletionTimestamp }, spec }: Pod): string =>
  canonicalJson({ labels, spec, isLeaving: deletionTimestamp !== undefined })

const withFormOf = (before: Pod, { metadata, spec }: Pod): Pod => {
  const { labels, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  return {
    ...before,
    metadata: {
      ...before.metadata,
      ...(labels && { labels }),
      ...(deletionTimestamp && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
    spec,
  }
}
