// pod-usage.ts - what containers use now, asked of the nodes they run on; the answers of a node are kept for some seconds
import * as v from 'valibot'
import type { Clock } from '../../../shared/clock.ts'
import { containerUsage, usageBody, type ContainerUsage, type NodeCalls } from '../../../shared/protocol/calls.ts'

/** `watch kubectl top pods` asks every two seconds; measuring takes the device a second. */
const KEPT_MS = 10_000
/** Who waits at a prompt would rather see the other nodes. */
const ANSWER_WITHIN_MS = 6_000
/** A fleet of thousands must not be asked in one breath. */
const NODES_AT_ONCE = 32
/** After this the nodes that were not asked yet are left out. */
const ALL_WITHIN_MS = 15_000

export interface ContainerNumbers {
  /** Who says so. */
  node: string
  podUid: string
  container: string
  cpuNanoCores: number
  memoryBytes: number
  /** On the hub's wall clock. */
  measuredAtWallMs: number
  windowMs: number
}

export interface PodUsage {
  /** By pod uid; nodes that cannot be reached in time are left out. */
  of(nodes: readonly string[]): Promise<ReadonlyMap<string, readonly ContainerNumbers[]>>
}

interface Kept {
  askedAtMonoMs: number
  answer: Promise<readonly ContainerNumbers[]>
}

export function createPodUsage({ calls, clock }: { calls: NodeCalls; clock: Clock }): PodUsage {
  const kept = new Map<string, Kept>()

  function forgetOld(): void {
    for (const [node, { askedAtMonoMs }] of kept) if (clock.monoMs() - askedAtMonoMs > KEPT_MS) kept.delete(node)
  }
  function askOnce(node: string): Promise<readonly ContainerNumbers[]> {
    const known = kept.get(node)
    if (known) return known.answer
    // A node that cannot be asked has no numbers; why not is on the node itself.
    const answer = ask(node, { calls, clock }).catch(() => [])
    kept.set(node, { askedAtMonoMs: clock.monoMs(), answer })
    return answer
  }

  return {
    async of(nodes) {
      forgetOld()
      const found = new Map<string, ContainerNumbers[]>()
      const deadlineMs = clock.monoMs() + ALL_WITHIN_MS
      const queue = [...new Set(nodes)]
      const worker = async () => {
        for (let node = queue.pop(); node !== undefined && clock.monoMs() < deadlineMs; node = queue.pop())
          for (const numbers of await askOnce(node))
            found.set(numbers.podUid, [...(found.get(numbers.podUid) ?? []), numbers])
      }
      await Promise.all(Array.from({ length: Math.min(NODES_AT_ONCE, queue.length) }, worker))
      return found
    },
  }
}

async function ask(node: string, { calls, clock }: { calls: NodeCalls; clock: Clock }): Promise<ContainerNumbers[]> {
  const late = new AbortController()
  const timer = clock.after(ANSWER_WITHIN_MS, () => late.abort())
  try {
    const stream = await calls.open(node, { kind: 'usage' }, late.signal)
    const result = await stream.ended
    if (result.outcome === 'failed') throw new Error(result.message)
    const now = clock.wallMs()
    const measured = sensible(v.parse(usageBody, result.body).containers)
    return measured.map(({ ageMs, ...numbers }) => ({ ...numbers, node, measuredAtWallMs: now - ageMs }))
  } finally {
    timer.cancel()
  }
}

const ofSomePod = v.object({ podUid: v.string() })

/** Without the pods of which one number makes no sense: what is left of them would be a lie. */
function sensible(all: readonly unknown[]): ContainerUsage[] {
  const senseless = all.filter((each) => !v.is(containerUsage, each))
  const without = new Set(senseless.flatMap((each) => (v.is(ofSomePod, each) ? [each.podUid] : [])))
  return all.filter((each) => v.is(containerUsage, each)).filter(({ podUid }) => !without.has(podUid))
}
