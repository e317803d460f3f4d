// beats.ts - says regularly that this device lives, what it has applied and how it fares
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Beat, Sample } from '../../shared/protocol/messages.ts'
import type { HeldRevision } from '../cache/cache.ts'
import type { Uplink } from './uplink.ts'

/** One beat a minute asks the broker for its word, which finds a half-open link; a ping of its own would cost a sixth more. */
const ANSWER_EVERY_MS = 60_000
/** A satellite and a slow modem together answer within this. */
const ANSWER_WITHIN_MS = 30_000

export interface BeatsDeps {
  clock: Clock
  log: Log
  everyMs(): number
  held(): HeldRevision
  sample(): Sample | Promise<Sample>
  /** Right before it goes out: the hub's answer counts from here. */
  sending?(session: number, seq: number): void
  /** The link takes everything and answers nothing. */
  onSilence(): void
}

export interface Beats {
  begin(uplink: Uplink): void
  /** Out of turn: something was applied. */
  now(): void
  end(): void
}

export function createBeats({ clock, log, everyMs, held, sample, sending, onSilence }: BeatsDeps): Beats {
  let uplink: Uplink | undefined
  let timer: Timer | undefined
  let seq = 0
  /** A slow measurement is not started twice. */
  let isBusy = false
  let isWanted = false
  let askedMs = 0

  async function beat(to: Uplink): Promise<void> {
    const measured = await sample()
    if (uplink !== to) return
    const { epoch: e, revision: r } = held()
    const message: Beat = { ...measured, type: 'beat', session: to.session, seq: seq++, e, r }
    sending?.(to.session, message.seq)
    if (clock.monoMs() - askedMs < ANSWER_EVERY_MS) await to.send('beat', message, { qos: 0 })
    else ask(to, message)
  }

  /** The next beats do not wait for the answer. */
  function ask(to: Uplink, message: Beat): void {
    askedMs = clock.monoMs()
    const deadline = clock.after(ANSWER_WITHIN_MS, () => {
      if (uplink === to) onSilence()
    })
    to.send('beat', message, { qos: 1 })
      .catch((error: unknown) => log.debug({ error }, 'a beat was not answered'))
      .finally(() => deadline.cancel())
  }

  function run(): void {
    timer?.cancel()
    if (!uplink) return
    isWanted = isBusy
    if (isBusy) return
    isBusy = true
    timer = clock.after(everyMs(), run)
    beat(uplink)
      .catch((error: unknown) => log.debug({ error }, 'a beat was not sent'))
      .finally(() => {
        isBusy = false
        if (isWanted) run()
      })
  }

  return {
    begin(to) {
      uplink = to
      // The hello was answered just now.
      askedMs = clock.monoMs()
      run()
    },
    now: run,
    end() {
      uplink = undefined
      isWanted = false
      timer?.cancel()
    },
  }
}
