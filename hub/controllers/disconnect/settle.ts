// settle.ts - who stays when a device returns: the pod that went on there, or one that was started in its place; pure
import { type OnReconnect, REPLACES, disconnectPolicyOf, isDisconnected } from '../../../shared/disconnect-policy.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { hasFinished, isReady } from '../pod-state.ts'

export type Settlement =
  /** The returned pod counts again, or is among those that go. */
  | { do: 'keep'; pod: Pod; remove: readonly Pod[] }
  /** The one that the policy prefers has just come back and is not ready yet. */
  | { do: 'wait' }

/** A device that was switched off with its link has its containers to start first. */
export const RETURN_PATIENCE_MS = 60_000

interface Contender {
  pod: Pod
  /** 0: the one that was there first. */
  generation: number
}

/** `siblings` are all pods of the same owner, `returnedForMs` is how long the device has been heard again. */
export function settle(returned: Pod, siblings: readonly Pod[], returnedForMs: number, nowWallMs: number): Settlement {
  const family = familyOf(returned, siblings)
  const isHere = ({ pod }: Contender) => pod === returned || (!isDisconnected(pod) && !isOver(pod))
  const present = family.filter(isHere)
  if (present.length === 1) return { do: 'keep', pod: returned, remove: [] }
  const { onReconnect } = disconnectPolicyOf(family[0]?.pod ?? returned)
  const byPolicy = present.toSorted((a, b) => prefer[onReconnect](a, b, nowWallMs))
  const isLate = returnedForMs >= RETURN_PATIENCE_MS
  if (byPolicy[0]?.pod === returned && !isReady(returned) && !isLate) return { do: 'wait' }
  // Nobody who serves goes for the sake of somebody who does not.
  const stays = byPolicy.toSorted((a, b) => standing(b.pod, returned) - standing(a.pod, returned))[0]?.pod ?? returned
  return { do: 'keep', pod: stays, remove: family.map(({ pod }) => pod).filter((pod) => pod !== stays && !isOver(pod)) }
}

const isOver = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined || hasFinished(pod)

const rankOf = (pod: Pod): number => (isReady(pod) ? 2 : pod.status?.phase === 'Running' ? 1 : 0)

/** A spare that waited until this very device came back has replaced nobody. */
const standing = (pod: Pod, returned: Pod): number =>
  pod !== returned && pod.spec.nodeName === returned.spec.nodeName ? 0 : rankOf(pod)

type Order = (a: Contender, b: Contender, nowWallMs: number) => number

const oldestFirst: Order = (a, b) => a.generation - b.generation
const longestFirst: Order = (a, b, nowWallMs) =>
  runningSinceMs(a.pod, nowWallMs) - runningSinceMs(b.pod, nowWallMs) || oldestFirst(a, b, nowWallMs)

const prefer: Readonly<Record<OnReconnect, Order>> = {
  'keep-original': oldestFirst,
  'keep-replacement': (a, b) => b.generation - a.generation,
  'keep-longest-running': longestFirst,
  'keep-healthiest': (a, b, nowWallMs) =>
    rankOf(b.pod) - rankOf(a.pod) || restartsOf(a.pod) - restartsOf(b.pod) || longestFirst(a, b, nowWallMs),
}

const restartsOf = ({ status }: Pod): number =>
  (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0)

/** By the devices' own clocks, which may be wrong: nobody ran before its pod was made, or runs from tomorrow on. */
function runningSinceMs({ metadata, status }: Pod, nowWallMs: number): number {
  const starts = (status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.running?.startedAt ?? ''))
  if (starts.length === 0 || starts.some(Number.isNaN)) return nowWallMs
  return Math.min(nowWallMs, Math.max(Date.parse(metadata.creationTimestamp), ...starts))
}

/** All that stand for the same replica: whoever was there first, its spare, the spare's spare. */
function familyOf(member: Pod, siblings: readonly Pod[]): Contender[] {
  const byUid = new Map(siblings.map((pod) => [pod.metadata.uid, pod]))
  byUid.set(member.metadata.uid, member)
  const placeOf = (pod: Pod): { root: string; generation: number } => {
    let [uid, generation] = [pod.metadata.uid, 0]
    // Spares name who was there before them; the number of pods bounds a chain that somebody has written by hand.
    for (let before = replacedBy(pod); before && generation < byUid.size; generation++) {
      uid = before
      before = replacedBy(byUid.get(before))
    }
    return { root: uid, generation }
  }
  const { root } = placeOf(member)
  return [...byUid.values()]
    .map((pod) => ({ pod, ...placeOf(pod) }))
    .filter((one) => one.root === root)
    .toSorted((a, b) => a.generation - b.generation)
}

const replacedBy = (pod: Pod | undefined) => pod?.metadata.annotations?.[REPLACES]
