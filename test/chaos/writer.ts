// writer.ts - writes little things without a pause and remembers which the hub has acknowledged: none of them may be lost
import { ApiError, type Client } from '../../hub/cli/client.ts'
import { sleep, systemClock } from '../../shared/clock.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'

export interface Writer {
  readonly acknowledged: number
  /** Names that the hub has acknowledged and does not have, or undefined. */
  lost(): Promise<string | undefined>
  /** What is acknowledged meanwhile may be lost: nobody promised anything else. */
  during(loss: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const EVERY_MS = 100
/** A list of all is read after each round. */
const WRITES_MAX = 5_000

export function startWriter(client: Client): Writer {
  const acknowledged: string[] = []
  let isOver = false
  let refusal: unknown
  async function write() {
    for (let number = 0; number < WRITES_MAX && !isOver; number++) {
      const name = `kept-${number}`
      try {
        await client.send('POST', CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
        acknowledged.push(name)
      } catch (error) {
        // Not acknowledged: it may be there or not. What the hub refuses though it lives is a fault.
        if (error instanceof ApiError && error.code < 500 && error.code !== 429) refusal ??= error
      }
      await sleep(systemClock, EVERY_MS)
    }
  }
  const writing = write()
  return {
    get acknowledged() {
      return acknowledged.length
    },
    async lost() {
      if (refusal !== undefined) throw refusal
      const known = [...acknowledged]
      const { items } = await client.get<{ items: KubeObject[] }>(CONFIG_MAPS)
      const there = new Set(items.map(({ metadata }) => metadata.name))
      const lost = known.filter((name) => !there.has(name))
      return lost.length > 0 ? `acknowledged and not there: ${lost.join(', ')}` : undefined
    },
    async during(loss) {
      const before = acknowledged.length
      await loss()
      acknowledged.splice(before)
    },
    async stop() {
      isOver = true
      await writing
    },
  }
}
