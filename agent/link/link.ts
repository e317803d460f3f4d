// link.ts - keeps this device connected to its hub for as long as it runs: connect, greet, send, receive, back off, again
import { sleep, type Clock, type Timer } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { CallMessage } from '../../shared/protocol/calls.ts'
import type { JournalAck, Sample } from '../../shared/protocol/messages.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import type { Cache } from '../cache/cache.ts'
import { beatEveryMs } from './beat-every.ts'
import { createBeats } from './beats.ts'
import { createMqttConnect, type ConnectSettings } from './connect.ts'
import { createGreeting, type GreetingDeps } from './greeting.ts'
import { createHeldState } from './held-state.ts'
import { createHubPlaces, type HubPlaces } from './hub-places.ts'
import type { Identity } from './identity.ts'
import { createInbox, type InboxCounters } from './inbox.ts'
import { createKeyRing, type KeyRing, type KeysVerdict } from './key-ring.ts'
import type { MessageTrouble } from './message-trouble.ts'
import { createJournalSender } from './journal.ts'
import { EXPLAINED, isRefused, STABLE_AFTER_MS, waitMsAfter } from './reconnect.ts'
import { createRecord } from './record.ts'
import { createReports } from './reports.ts'
import { createSessionNumbers } from './session-numbers.ts'
import { createUplink, sealWill, type Uplink } from './uplink.ts'
import type { CloseReason, Connect, Wire } from './wire.ts'

const GOODBYE_WITHIN_MS = 2_000
/** The cache looks as often whether its disk takes something again. */
const KEYS_AGAIN_AFTER_MS = 30_000

export interface LinkDeps extends Pick<GreetingDeps, 'facts' | 'runtimes' | 'labels'> {
  cache: Cache
  identity: Identity
  clock: Clock
  random: Random
  log: Log
  sample(): Sample | Promise<Sample>
  /** Verified; whether its session and number still count is for the call server to say. */
  onCall(call: CallMessage, session: number): void
  /** Whoever counts the time for which the hub lets run what may run only once. */
  leases?: LeaseHolder
  settings: ConnectSettings & { agentVersion: string }
  /** Where the hub may be; what the identity says when absent. */
  places?: HubPlaces
  /** The network; a simulator brings its own. */
  connect?: Connect
  /** Where newer keys of the hub are kept; without one they last as long as this process. */
  keyRing?: KeyRing
}

export interface LeaseHolder {
  /** A beat goes out. */
  sending(session: number, seq: number): void
  granted(session: number, lease: NonNullable<JournalAck['lease']>): void
  /** Infinity when nothing here needs a lease. */
  beatEveryMsMax(): number
}

export interface LinkState {
  link: 'stopped' | 'waiting' | 'connecting' | 'online'
  /** Monotonic. */
  sinceMs: number
  session?: number
  /** Why it is not online. */
  reason?: CloseReason
  inbox: Readonly<InboxCounters>
}

export interface Link extends Service {
  state(): LinkState
  /** Something that the hello says has changed, such as a runtime that came up. */
  greetAgain(): void
  /** What is wrong with messages from the hub, for the node's conditions. */
  messageTrouble(): MessageTrouble
}

interface Current {
  wire: Wire
  uplink: Uplink
  openedMs?: number
}

export function createLink(deps: LinkDeps): Link {
  const { cache, identity, clock, random, log } = deps
  const connect = deps.connect ?? createMqttConnect(identity, deps.places ?? createHubPlaces(identity), deps.settings)
  const instance = random.uuid()
  const nextNumber = createSessionNumbers(cache)
  const held = createHeldState(cache)
  const keyRing = deps.keyRing ?? createKeyRing({ identity, log })
  const everyMs = () => beatEveryMs(cache.desired()?.settings, deps.leases?.beatEveryMsMax())
  const sending = (session: number, seq: number) => deps.leases?.sending(session, seq)
  const beats = createBeats({
    clock,
    log,
    everyMs,
    held: cache.held,
    sample: deps.sample,
    sending,
    onSilence: () => current?.wire.drop(),
  })
  const reports = createReports({ cache, clock, log })
  const record = createRecord({ cache, clock })
  const journal = createJournalSender({ cache, clock, random, log })
  const { agentVersion } = deps.settings
  const greeting = createGreeting({ ...deps, held, keyRing, reports, instance, agentVersion })
  let state: Pick<LinkState, 'link' | 'sinceMs' | 'reason'> = { link: 'stopped', sinceMs: clock.monoMs() }
  let current: Current | undefined
  let retry: Timer | undefined
  let keysAgain: Timer | undefined
  let attempt = 0
  let refusals = 0
  let isRunning = false
  /** Messages to the hub go without a dictionary; it asked for that. */
  let isPlain = false
  /** Messages from the hub shall come without one; we asked for that. */
  let wantsPlain = false

  const inbox = createInbox({
    node: identity.nodeName,
    verifier: keyRing.incoming,
    cache,
    held,
    clock,
    log,
    takeKeys,
    onHeld: beats.now,
    onAck: takeAck,
    onRefused: record.refused,
    onCall(call) {
      if (current) deps.onCall(call, current.uplink.session)
    },
    wantPlain() {
      if (wantsPlain) return
      wantsPlain = true
      greetAgain()
    },
  })

  function enter(link: LinkState['link'], reason?: CloseReason): void {
    state = { link, sinceMs: clock.monoMs(), ...(reason && { reason }) }
  }

  function begin(): void {
    if (!isRunning) return
    const session = nextNumber()
    enter('connecting', state.reason)
    const wire = connect(
      { instance, will: sealWill(identity.nodeName, session) },
      {
        onOpen: () => void opened(mine),
        onMessage: (what, payload) => {
          if (current !== mine) return
          record.heard()
          inbox.take(what, payload)
        },
        onClose: (reason) => closed(mine, reason),
      },
    )
    const uplink = createUplink({
      wire,
      node: identity.nodeName,
      session,
      isPlain: () => isPlain,
      onAnswer: record.heard,
    })
    const mine: Current = { wire, uplink }
    current = mine
  }

  async function opened(mine: Current): Promise<void> {
    if (current !== mine) return
    mine.openedMs = clock.monoMs()
    wantsPlain = false
    inbox.begin()
    enter('online')
    record.online()
    log.info({ session: mine.uplink.session }, 'connected to the hub')
    await greet(mine)
  }

  /** The hello first: the hub places nothing before it knows the session. */
  async function greet(mine: Current): Promise<void> {
    try {
      const hello = await greeting({ session: mine.uplink.session, wantsPlain })
      if (current !== mine) return
      await mine.uplink.send('hello', hello)
      if (current !== mine) return
      beats.begin(mine.uplink)
      reports.begin(mine.uplink)
      journal.begin(mine.uplink)
    } catch (error) {
      // Without a hello the session is worth nothing: begin anew, with the usual waits.
      log.warn({ error }, 'the hub could not be greeted')
      mine.wire.drop()
    }
  }

  /** The hub says nothing else until it hears that they have been taken, and sends them with each hello before. */
  function takeKeys(body: Uint8Array): KeysVerdict {
    const verdict = keyRing.take(body)
    if (verdict.kind === 'refused') return verdict
    keysAgain?.cancel()
    if (verdict.kind === 'taken') greetAgain()
    else keysAgain = clock.after(KEYS_AGAIN_AFTER_MS, greetAgain)
    return verdict
  }

  function greetAgain(): void {
    if (current && state.link === 'online') void greet(current)
  }

  /** As it was received, signature and all: a hub that lost its memory believes only what it has signed itself. */
  function proveHeld(uplink: Uplink): void {
    const signed = cache.signed()
    if (!signed) return log.warn({}, 'the hub asks for the state that is held here, and there is none')
    uplink.sendBytes('held', signed).catch((error: unknown) => log.debug({ error }, 'the held state was not sent'))
  }

  function takeAck({ session, upTo, wantPlain, wantHeld, notice, lease }: JournalAck): void {
    if (notice) log.error({ notice }, 'another device shows our identity and was sent away by the hub')
    if (current && session === current.uplink.session) {
      journal.acked(upTo)
      if (wantHeld) proveHeld(current.uplink)
    }
    if (lease) deps.leases?.granted(session, lease)
    if (!wantPlain || isPlain) return
    isPlain = true
    greetAgain()
  }

  function closed(mine: Current, reason: CloseReason): void {
    if (current !== mine) return
    current = undefined
    for (const part of [beats, reports, journal]) part.end()
    const wasStable = mine.openedMs !== undefined && clock.monoMs() - mine.openedMs >= STABLE_AFTER_MS
    if (wasStable) attempt = 0
    const isNews = state.link === 'online' || state.reason?.message !== reason.message
    const tries = isRefused(reason) ? refusals++ : attempt++
    if (!isRefused(reason)) refusals = 0
    const waitMs = waitMsAfter(reason, tries, { beatEveryMs: everyMs(), random })
    if (isNews)
      log[isRefused(reason) ? 'error' : 'warn'](
        { reason: reason.kind, waitMs, why: reason.message },
        EXPLAINED[reason.kind],
      )
    enter('waiting', reason)
    record.away(reason)
    if (isRunning) retry = clock.after(waitMs, begin)
  }

  return {
    start() {
      isRunning = true
      reports.start()
      journal.start()
      begin()
    },
    async stop() {
      isRunning = false
      retry?.cancel()
      keysAgain?.cancel()
      const ending = current
      current = undefined
      beats.end()
      reports.stop()
      journal.stop()
      record.stop()
      enter('stopped')
      if (!ending) return
      // A goodbye, so that no will is sent; but not at any price.
      const over = new AbortController()
      await Promise.race([ending.wire.end(), sleep(clock, GOODBYE_WITHIN_MS, over.signal)])
      over.abort()
      ending.wire.drop()
    },
    state: () => ({ ...state, ...(current && { session: current.uplink.session }), inbox: inbox.counters }),
    greetAgain,
    messageTrouble: inbox.trouble,
  }
}
