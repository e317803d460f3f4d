// described-facts.ts - what the hub is told about the device: at once what is known, the rest as soon as somebody has found it out
import { sleep, type Clock } from '../shared/clock.ts'
import type { NodeFacts } from '../shared/protocol/messages.ts'

export interface DescribedFactsDeps {
  facts: NodeFacts
  /** What takes longer to find out, and only people want to know. Never rejects. */
  description: Promise<Partial<NodeFacts>> | undefined
  clock: Clock
  /** There is more to tell than was told. */
  onMore(): void
}

/** Nearly always enough; and on a loaded device nobody must think that it is dead because it looks for its own name. */
const WAIT_MS = 1_000

export function createDescribedFacts({
  facts,
  description,
  clock,
  onMore,
}: DescribedFactsDeps): () => Promise<NodeFacts> {
  let more: Partial<NodeFacts> | undefined = description ? undefined : {}
  let wasToldWithout = false
  const known = description?.then((found) => {
    more = found
    if (wasToldWithout && Object.keys(found).length > 0) onMore()
  })
  return async () => {
    const over = new AbortController()
    if (!more) await Promise.race([known, sleep(clock, WAIT_MS, over.signal)])
    over.abort()
    wasToldWithout = more === undefined
    return { ...facts, ...more }
  }
}
