// desired.ts - keeps each connected device's desired state numbered, signed and sent until it says that it has applied it
import type { BackoffLimits } from '../../shared/backoff.ts'
import { exponentialMs } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { dictionaryOf, STATIC_DICTIONARY, type Dictionary } from '../../shared/protocol/dictionary.ts'
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'
import { STATE_BYTES_MAX } from '../../shared/protocol/envelope.ts'
import type { Outcome } from '../store/reconcile-loop.ts'
import type { Objects } from '../store/objects.ts'
import type { EventRecorder } from '../store/events.ts'
import type { Store } from '../store/store.ts'
import type { BeatEvery } from './beat-every.ts'
import { buildDocument, type NodeDocument } from './node-document.ts'
import { logAndWarn } from './node-warning.ts'
import type { Numbers } from './numbers.ts'
import type { RemovalGuard } from './removal-guard.ts'
import type { Held, Session, Sessions } from './sessions.ts'

/** The device beats at once when it has applied; over a satellite that takes seconds. */
const RESEND: BackoffLimits = { baseMs: 5_000, maxMs: 60_000 }

export interface DesiredDeps {
  store: Store
  objects: Objects
  sessions: Sessions
  clock: Clock
  log: Log
  events: Pick<EventRecorder, 'record'>
  beatEveryMs: BeatEvery
  numbers: Numbers
  guard: Pick<RemovalGuard, 'told' | 'knows' | 'check' | 'forget'>
  /** In how many ms to look again at a device of which the hub does not know all that it holds; it is told nothing before. */
  waitMs(session: Session): number | undefined
  /** Whether what it holds bears the signature of the key that signs now; an older one is not worth keeping. */
  isSignedNow(session: Session): boolean
  /** What the device once had and cannot show any more: its next number has to be beyond it. */
  above(session: Session): Held | undefined
  /** Goes up when history may have been lost. */
  epoch(): number
  send(node: string, body: Buffer, dictionary: Dictionary | undefined): void
}

interface Sending extends Held {
  content: string
  body: Buffer
  /** The last state that the device said it has: what the next one is written against. */
  baseline: Dictionary | undefined
  attempts: number
  sentMs?: number
}

export interface Desired {
  /** Something that may be in this node's document has changed. */
  touch(node: string): void
  /** A new session, or one that asks again: its words count, not what we remember. */
  begin(session: Session): void
  forget(node: string): void
  /** One step: build, number, send, wait. */
  reconcile(node: string): Promise<Outcome>
}

export function createDesired(deps: DesiredDeps): Desired {
  const { store, sessions, clock } = deps
  const sendings = new Map<string, Sending>()
  const dirty = new Set<string>()

  async function reconcile(node: string): Promise<Outcome> {
    // Also of a device that is away: when it is back, this hub may have forgotten what it was told.
    if (dirty.has(node)) await deps.guard.check(node)
    const session = sessions.current(node)
    if (!session?.hello) return
    const unknownMs = deps.waitMs(session)
    if (unknownMs !== undefined) return { againAfterMs: unknownMs }
    const sending = upToDate(node, session)
    if (!sending || isApplied(session, sending)) return
    const dueMs = sending.sentMs === undefined ? 0 : sending.sentMs + exponentialMs(sending.attempts - 1, RESEND)
    const waitMs = dueMs - clock.monoMs()
    if (waitMs > 0) return { againAfterMs: waitMs }
    // What a device does must not depend on a revision that a power cut takes back.
    await store.durable(Math.min(sending.revision, store.revision))
    if (sessions.current(node) !== session || sendings.get(node) !== sending) return { againAfterMs: 0 }
    sending.attempts++
    sending.sentMs = clock.monoMs()
    deps.send(node, sending.body, session.hello.wantPlain ? undefined : (sending.baseline ?? STATIC_DICTIONARY))
    return { againAfterMs: exponentialMs(sending.attempts - 1, RESEND) }
  }

  function upToDate(node: string, session: Session): Sending | undefined {
    const before = sendings.get(node)
    if (before && !dirty.has(node)) return before
    const document = buildDocument(store, node, { beatEveryMs: deps.beatEveryMs(node) })
    const content = sha256Hex(bytesOf(document, { epoch: 0, revision: 0 }))
    dirty.delete(node)
    if (before?.content === content) return before
    const number = numberFor(node, document, session, before)
    const body = bytesOf(document, number)
    if (body.length > STATE_BYTES_MAX) {
      logAndWarn(
        deps,
        node,
        'StateTooLarge',
        `everything for this node is ${body.length} bytes, more than ${STATE_BYTES_MAX}: it keeps what it has`,
      )
      return before
    }
    const uids = document.pods.flatMap(({ metadata }) => (metadata.deletionTimestamp ? [] : [metadata.uid]))
    const sending = { ...number, content, body, baseline: baselineOf(before, session, body), attempts: 0 }
    sendings.set(node, sending)
    deps.guard.told(node, uids, body)
    return sending
  }

  /** The revision at which this node's document last changed: the same again when the device has it already. */
  function numberFor(node: string, document: NodeDocument, session: Session, before: Sending | undefined): Held {
    const held = session.hello?.held
    if (!before && held && deps.isSignedNow(session) && held.digest === sha256Hex(bytesOf(document, held))) return held
    return deps.numbers.issue(node, deps.epoch(), deps.above(session))
  }

  return {
    reconcile,
    touch(node) {
      // Whoever was told nothing yet is told everything; names of nodes that never come must not pile up.
      if (sendings.has(node) || deps.guard.knows(node)) dirty.add(node)
    },
    begin: ({ connection: { node } }) => void sendings.delete(node),
    forget(node) {
      deps.guard.forget(node)
      sendings.delete(node)
      dirty.delete(node)
    },
  }
}

const bytesOf = (document: NodeDocument, { epoch, revision }: Held): Buffer =>
  Buffer.from(canonicalJson({ ...document, epoch, revision }))

const isApplied = ({ applied }: Session, { epoch, revision }: Held): boolean =>
  applied?.epoch === epoch && applied.revision === revision

/** Only what the device has said that it holds. Copied: deflate's window is all that is needed of a large state. */
function baselineOf(before: Sending | undefined, session: Session, body: Buffer): Dictionary | undefined {
  if (session.hello?.held.digest === sha256Hex(body)) return undefined
  if (!before || !isApplied(session, before)) return before?.baseline
  const { id, bytes } = dictionaryOf(before.body)
  return { id, bytes: Buffer.from(bytes) }
}
