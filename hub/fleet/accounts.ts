// accounts.ts - makes sure that the hub knows all that a device holds before it tells it anything; after a loss it asks
import type { BackoffLimits } from '../../shared/backoff.ts'
import { exponentialMs } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import { STATIC_DICTIONARY } from '../../shared/protocol/dictionary.ts'
import { open, STATE_BYTES_MAX } from '../../shared/protocol/envelope.ts'
import { desiredState, type DesiredState } from '../../shared/protocol/messages.ts'
import { parseBody, type Parsed } from '../../shared/protocol/parse-body.ts'
import { compareNumbers } from '../../shared/protocol/ratchet.ts'
import type { Verifier } from '../../shared/protocol/signing.ts'
import { topicOf } from '../../shared/protocol/topics.ts'
import type { Random } from '../../shared/random.ts'
import type { EventRecorder } from '../store/events.ts'
import type { MemoryStore } from '../store/memory-store.ts'
import type { Objects } from '../store/objects.ts'
import { readRecovery } from '../store/recovery-record.ts'
import type { BringBack } from './bring-back.ts'
import { continuityOf, isAhead } from './continuity.ts'
import { logAndWarn } from './node-warning.ts'
import type { Numbers } from './numbers.ts'
import type { Revocations } from './revocations.ts'
import type { Held, Session } from './sessions.ts'
import { noteLoss } from './recovery.ts'
import { takeBack } from './take-back.ts'

export interface AccountsDeps {
  store: MemoryStore
  objects: Objects
  numbers: Numbers
  events: Pick<EventRecorder, 'record'>
  revocations: Pick<Revocations, 'survived'>
  /** Of all keys that this hub has ever signed states with. */
  verifier: Verifier
  /** Whether the key of this rank still counts. */
  isTrusted(keyRank: number): boolean
  askHeld(session: Session): void
  clock: Clock
  random: Random
  log: Log
}

export interface Accounts {
  /** Undefined when the hub may tell the device of this session what to do; otherwise in how many ms to look again. */
  waitMs(session: Session): number | undefined
  /** A number that the device remembers without what it stood for: only its own numbers have to go beyond it. */
  above(session: Session): Held | undefined
  /** What the device has shown. True when that settles its account. */
  take(session: Session, signed: Buffer): boolean
}

/** A large state over a satellite takes a while; and a message may be lost. */
const ASK: BackoffLimits = { baseMs: 5_000, maxMs: 60_000 }
/** Names that fit into one event. */
const NAMED_MAX = 8

export function createAccounts(deps: AccountsDeps): Accounts {
  const { store, numbers, clock } = deps
  const asked = new WeakMap<Session, { times: number; atMs: number }>()

  const lossOf = (): 'tail' | 'rows' => {
    const note = readRecovery(store)
    return note?.epoch === store.identity.epoch ? note.loss : 'tail'
  }

  function isKnown(session: Session): boolean {
    const held = session.hello?.held
    if (!held) return false
    // What a withdrawn key has made it hold means nothing, however large its number.
    if (!deps.isTrusted(held.key ?? 0)) return true
    const { node } = session.connection
    const { epoch } = store.identity
    const last = numbers.last(node)
    if (continuityOf({ held, last, epoch, loss: lossOf() }) === 'ask') return hasNothingToShow(session)
    // Once in an epoch: from now on the hub knows of each of its nodes whether it has looked.
    if (last && last.settledIn !== epoch) numbers.settle(node, epoch, last)
    return true
  }

  /** It knows how far it was and has lost what it held: two losses at once, and the hub's is the lesser one. */
  function hasNothingToShow(session: Session): boolean {
    if (session.hello?.held.digest !== undefined) return false
    if (!asked.has(session))
      logAndWarn(
        deps,
        session.connection.node,
        'NothingToShow',
        'the device has lost what it held, and the hub may have lost a part of it too: what the hub does not know of stops there',
      )
    asked.set(session, { times: 0, atMs: clock.monoMs() })
    return true
  }

  function waitMs(session: Session): number | undefined {
    if (isKnown(session)) return undefined
    const before = asked.get(session)
    const dueMs = before ? before.atMs + exponentialMs(before.times - 1, ASK) : clock.monoMs()
    if (dueMs > clock.monoMs()) return dueMs - clock.monoMs()
    const times = (before?.times ?? 0) + 1
    asked.set(session, { times, atMs: clock.monoMs() })
    deps.askHeld(session)
    if (times === 2) tellUnproven(session)
    return exponentialMs(times - 1, ASK)
  }

  /** Asked once already: an agent that cannot or will not show what it holds. */
  function tellUnproven({ connection: { node }, hello }: Session): void {
    const { epoch, revision } = hello?.held ?? { epoch: 0, revision: 0 }
    const what = `the device says that it holds state ${epoch}/${revision}, which this hub does not remember, and has not shown it`
    logAndWarn(deps, node, 'HubBehind', `${what}: it keeps what it has and is told nothing`)
  }

  function take(session: Session, signed: Buffer): boolean {
    const { node } = session.connection
    const claimed = session.hello?.held
    if (!claimed || isKnown(session)) return false
    const held = readHeld(node, signed, deps.verifier)
    if (!held.ok) {
      logAndWarn(deps, node, 'HeldStateRefused', `what the device shows as its state is not believed: ${held.why}`)
      return false
    }
    // An older one would hide what came after it.
    if (compareNumbers(held.value, claimed) !== 0) return false
    settle(node, held.value)
    return true
  }

  function settle(node: string, held: DesiredState): void {
    const last = numbers.last(node)
    if (isAhead(held, last, store.identity.epoch)) beginEpoch(node, held)
    const done = takeBack(deps, held, !last || compareNumbers(held, last) > 0)
    numbers.settle(node, store.identity.epoch, held)
    // Somebody may have closed it before this device was heard.
    if (done.unknown.length > 0 && !readRecovery(store)?.isOpen) openNote()
    tell(node, done)
  }

  /** Signed by ourselves, and we do not remember it: this is an older copy of the hub. */
  function beginEpoch(node: string, held: Held): void {
    const { epoch, revision } = held
    const { epoch: own } = store.identity
    const behind = `the device was told state ${epoch}/${revision} by this hub, which is at ${own}/${store.revision} and does not remember it`
    store.beginEpoch(held)
    openNote()
    logAndWarn(
      deps,
      node,
      'HubBehind',
      `${behind}: the hub was restored from an older copy. A new epoch begins; nothing that runs is stopped. See: holdfast recover`,
    )
  }

  const openNote = () => noteLoss(deps, lossOf())

  function tell(node: string, { unknown, changed, gone }: BringBack): void {
    const kept = unknown.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    if (kept.length > 0)
      logAndWarn(
        deps,
        node,
        'UnknownPods',
        `run here and were lost by the hub, which keeps them until you decide: ${named(kept)}. See: holdfast recover`,
      )
    if (changed.length > 0)
      logAndWarn(deps, node, 'NewerPods', `the hub had these in an older form, the newer counts: ${named(changed)}`)
    if (gone.length > 0)
      logAndWarn(
        deps,
        node,
        'PodsGone',
        `had been taken from this node in the part of the history that is lost: ${named(gone)}`,
      )
  }

  return {
    waitMs,
    take,
    above: ({ hello }) =>
      hello && hello.held.digest === undefined && deps.isTrusted(hello.held.key ?? 0) ? hello.held : undefined,
  }
}

/** For this very node, signed with a key of this hub. */
function readHeld(node: string, signed: Buffer, verifier: Verifier): Parsed<DesiredState> {
  const opened = open({
    topic: topicOf(node, 'state'),
    packet: signed,
    bytesMax: STATE_BYTES_MAX,
    dictionaries: (id) => (id === STATIC_DICTIONARY.id ? STATIC_DICTIONARY.bytes : undefined),
    verifier,
  })
  if (!opened.ok) return opened
  const parsed = parseBody(desiredState, opened.body)
  return parsed.ok && parsed.value.node !== node ? { ok: false, why: 'it is for another node' } : parsed
}

function named(pods: readonly Pod[]): string {
  const names = pods.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
  const more = names.length - NAMED_MAX
  return names.slice(0, NAMED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
