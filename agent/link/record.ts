// record.ts - what the doctor wants to know of the link, kept over restarts: when the hub was heard, what was refused
import * as v from 'valibot'
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Cache } from '../cache/cache.ts'
import { CAUSES, type Cause } from './message-trouble.ts'
import type { CloseReason } from './wire.ts'

const wallMs = v.number()
const times = v.pipe(v.number(), v.integer(), v.minValue(0))

const schema = v.object({
  link: v.optional(
    v.object({
      isOnline: v.boolean(),
      sinceMs: wallMs,
      /** Why not. */
      reason: v.optional(
        v.object({ kind: v.picklist(['duplicate', 'identity', 'busy', 'network']), message: v.string() }),
      ),
    }),
  ),
  heardAtMs: v.optional(wallMs),
  /** Since the device joined. */
  refused: v.record(v.picklist(CAUSES), v.optional(times)),
  refusedAtMs: v.optional(wallMs),
})
export type LinkRecord = v.InferOutput<typeof schema>

export interface RecordDeps {
  cache: Pick<Cache, 'getValue' | 'setValue' | 'health'>
  clock: Clock
}

export interface RecordKeeper {
  online(): void
  away(reason: CloseReason): void
  /** Something came from the hub, or it answered. In memory until something else is written. */
  heard(): void
  refused(cause: Cause): void
  /** What was not written yet is, and when the hub was heard last. */
  stop(): void
}

export const RECORD_KEY = 'link.record'
/** An idle device writes nothing; one whose link flaps, or that somebody floods, writes no more often than this. */
const WRITE_EVERY_MS = 60_000

export function createRecord({ cache, clock }: RecordDeps): RecordKeeper {
  let loaded: LinkRecord | undefined
  let isChanged = false
  let timer: Timer | undefined

  const now = () => (loaded ??= parseRecord(cache.getValue(RECORD_KEY)) ?? { refused: {} })

  function change(next: Partial<LinkRecord>): void {
    loaded = { ...now(), ...next }
    isChanged = true
    if (!timer) write()
  }
  function write(): void {
    timer = undefined
    // A disk in trouble is for what a device needs, not for what people like to know.
    if (!isChanged || cache.health().trouble) return
    isChanged = false
    cache.setValue(RECORD_KEY, JSON.stringify(now()))
    timer = clock.after(WRITE_EVERY_MS, write)
  }

  return {
    online: () => change({ link: { isOnline: true, sinceMs: clock.wallMs() }, heardAtMs: clock.wallMs() }),
    away(reason) {
      const { link } = now()
      // Not at every attempt: a device may be away for months.
      if (link && !link.isOnline && link.reason?.kind === reason.kind) return
      const sinceMs = link && !link.isOnline ? link.sinceMs : clock.wallMs()
      change({ link: { isOnline: false, sinceMs, reason } })
    },
    heard: () => void (loaded = { ...now(), heardAtMs: clock.wallMs() }),
    refused(cause) {
      const { refused } = now()
      change({ refused: { ...refused, [cause]: (refused[cause] ?? 0) + 1 }, refusedAtMs: clock.wallMs() })
    },
    stop() {
      timer?.cancel()
      isChanged ||= now().link?.isOnline === true
      write()
      timer?.cancel()
      timer = undefined
    },
  }
}

/** Undefined when there is none that makes sense: then counting begins anew. */
export function parseRecord(text: string | undefined): LinkRecord | undefined {
  if (text === undefined) return undefined
  const parsed = v.safeParse(schema, JSON.parse(text))
  return parsed.success ? parsed.output : undefined
}
