// writer.ts - writes numbers without a pause and remembers which the hub has acknowledged: none of them may be lost
import { ApiError, type Client } from '../../hub/cli/client.ts'
import { sleep, systemClock } from '../../shared/clock.ts'
import type { ConfigMap } from '../../shared/kinds/object.ts'

export interface Writer {
  readonly acknowledged: number
  /** What the hub has acknowledged and does not have, or undefined. */
  lost(): Promise<string | undefined>
  /** What is acknowledged meanwhile may be lost: nobody promised anything else. */
  during(loss: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const APPLY = 'application/apply-patch+yaml'
const NUMBER = 'number'
const EVERY_MS = 100
/** They are written in turn, so that a long run does not fill the hub: a list of all is read after each round. */
const NAMES = 500

export function startWriter(client: Client): Writer {
  let acknowledged = new Map<string, number>()
  let count = 0
  let isOver = false
  let refusal: unknown
  async function write() {
    for (let number = 0; !isOver; number++) {
      const name = `kept-${number % NAMES}`
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { [NUMBER]: String(number) } }
      try {
        await client.send('PATCH', `${CONFIG_MAPS}/${name}?fieldManager=writer&force=true`, body, APPLY)
        acknowledged.set(name, number)
        count++
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
      return count
    },
    async lost() {
      if (refusal !== undefined) throw refusal
      const known = new Map(acknowledged)
      const { items } = await client.get<{ items: ConfigMap[] }>(CONFIG_MAPS)
      return lostOf(known, items)
    },
    async during(loss) {
      const before = new Map(acknowledged)
      await loss()
      acknowledged = before
    },
    async stop() {
      isOver = true
      await writing
    },
  }
}

/** Of each name the newest number that was acknowledged, or one that was written later and of which nobody heard. */
export function lostOf(acknowledged: ReadonlyMap<string, number>, there: readonly ConfigMap[]): string | undefined {
  const written = new Map(there.map(({ metadata, data }) => [metadata.name, Number(data?.[NUMBER])]))
  const lost = [...acknowledged].filter(([name, number]) => !((written.get(name) ?? -1) >= number))
  const shown = lost.map(([name, number]) => `${name} is ${written.get(name)}, not ${number}`)
  return shown.length > 0 ? `acknowledged and not there: ${shown.join(', ')}` : undefined
}
