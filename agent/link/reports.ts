// reports.ts - sends the node's whole status when it has changed, within an allowance, and again in every new session
import type { Clock, Timer } from '../../shared/clock.ts'
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'
import type { Log } from '../../shared/log.ts'
import { dictionaryOf, type Dictionary } from '../../shared/protocol/dictionary.ts'
import { STATUS_BYTES_MAX } from '../../shared/protocol/envelope.ts'
import type { NodeReport, StatusMessage } from '../../shared/protocol/messages.ts'
import type { Cache } from '../cache/cache.ts'
import type { Uplink } from './uplink.ts'

/** What a device in lasting turmoil may put on its link, which somebody pays for. Most reports are a few hundred bytes. */
const REPORT_BYTES_PER_SECOND = 1_000
/** A large report is no reason to be silent for longer: the next one is written against it, and so is small. */
const REPORT_WAIT_MS_MAX = 1_000
/** Spent ahead after a quiet time, so that a person who deploys, looks and deploys again is never kept waiting. */
const AHEAD_MS = 10_000
/** What the message around the report needs. */
const ENVELOPE_BYTES = 256

export interface ReportsDeps {
  cache: Pick<Cache, 'report' | 'onReport'>
  clock: Clock
  log: Log
}

export interface Reports {
  start(): void
  stop(): void
  begin(uplink: Uplink): void
  end(): void
  digest(): string
}

interface Sender {
  uplink: Uplink
  /** Of what the hub has taken in this session, and what the next report is written against. */
  sent?: { digest: string; dictionary: Dictionary }
  isBusy: boolean
  /** Until when its reports use up what it may send. Monotonic. */
  spentUntilMs: number
  timer?: Timer
}

export function createReports({ cache, clock, log }: ReportsDeps): Reports {
  let sender: Sender | undefined
  let unlisten: (() => void) | undefined
  let seq = 0

  function look(): void {
    if (sender && !sender.isBusy && !sender.timer) send(sender)
  }

  function send(by: Sender): void {
    const report = cache.report()
    if (!report) return
    const text = canonicalJson(report)
    const digest = sha256Hex(text)
    if (by.sent?.digest === digest) return
    const message: StatusMessage = { type: 'status', session: by.uplink.session, seq: seq++, report }
    if (!fits(text)) return
    by.isBusy = true
    // It never fails: what went wrong is told above.
    void by.uplink
      .send('status', message, { dictionary: by.sent?.dictionary })
      .then(
        ({ body, wireBytes }) => {
          by.sent = { digest, dictionary: windowOf(body) }
          return (1_000 * wireBytes) / REPORT_BYTES_PER_SECOND
        },
        (error: unknown) => {
          log.debug({ error }, 'a report was not sent')
          return REPORT_WAIT_MS_MAX
        },
      )
      .then((costMs) => {
        by.isBusy = false
        if (sender !== by) return
        by.timer = clock.after(waitMsAfter(by, Math.min(costMs, REPORT_WAIT_MS_MAX)), () => {
          delete by.timer
          look()
        })
      })
  }

  function waitMsAfter(by: Sender, costMs: number): number {
    const nowMs = clock.monoMs()
    by.spentUntilMs = Math.max(by.spentUntilMs, nowMs) + costMs
    return Math.max(0, by.spentUntilMs - nowMs - AHEAD_MS)
  }

  function fits(report: string): boolean {
    const bytes = Buffer.byteLength(report) + ENVELOPE_BYTES
    if (bytes > STATUS_BYTES_MAX)
      log.error({ bytes, bytesMax: STATUS_BYTES_MAX }, 'the report is too large for the hub')
    return bytes <= STATUS_BYTES_MAX
  }

  const end = () => {
    sender?.timer?.cancel()
    sender = undefined
  }

  return {
    start: () => void (unlisten = cache.onReport(look)),
    stop() {
      unlisten?.()
      end()
    },
    begin(uplink) {
      end()
      sender = { uplink, isBusy: false, spentUntilMs: clock.monoMs() }
      look()
    },
    end,
    digest: () => digestOf(cache.report()),
  }
}

const digestOf = (report: NodeReport | undefined): string => sha256Hex(canonicalJson(report ?? null))

/** Copied: the window is small, the body behind it may be large. */
function windowOf(body: Buffer): Dictionary {
  const { id, bytes } = dictionaryOf(body)
  return { id, bytes: Buffer.from(bytes) }
}
