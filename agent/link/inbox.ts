// inbox.ts - verifies what comes down, lets only newer states through, and commits them before anybody hears of them
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import { callMessage, type CallMessage } from '../../shared/protocol/calls.ts'
import { STATIC_DICTIONARY } from '../../shared/protocol/dictionary.ts'
import { inflatedBytesMax, open, withoutDictionary } from '../../shared/protocol/envelope.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { desiredState, journalAck, type JournalAck } from '../../shared/protocol/messages.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { createAssembler } from '../../shared/protocol/parts.ts'
import { judge, judgeAfterLoss, type Mark } from '../../shared/protocol/ratchet.ts'
import type { Verifier } from '../../shared/protocol/signing.ts'
import { topicOf, type DownTopic } from '../../shared/protocol/topics.ts'
import type { Cache } from '../cache/cache.ts'
import type { HeldState } from './held-state.ts'
import type { KeysVerdict } from './key-ring.ts'
import {
  causeOf,
  createTroubleCounter,
  type Cause,
  type MessageTrouble,
  type TroubleCounter,
} from './message-trouble.ts'

export interface InboxDeps {
  node: string
  verifier: Verifier
  cache: Pick<Cache, 'appendJournal'>
  held: HeldState
  clock: Clock
  log: Log
  /** New keys, signed by the hub's root key. */
  takeKeys(body: Uint8Array): KeysVerdict
  /** A state is on the disk, or was there already: the hub may know. */
  onHeld(): void
  onAck(ack: JournalAck): void
  onCall(call: CallMessage): void
  /** Written against something that we do not have. */
  wantPlain(): void
  onRefused?(cause: Cause): void
}

export interface InboxCounters {
  taken: number
  repeated: number
  older: number
  /** The same number with other bytes. */
  conflicting: number
  /** Unsigned, forged, truncated, for somebody else: all that is none of the above. */
  refused: number
  uncommitted: number
  /** Everything that changed nothing, by its cause. */
  causes: TroubleCounter['causes']
}

/** Somebody who floods us with forgeries must not flood the journal too. */
const TOLD_AGAIN_AFTER_MS = 3_600_000

export interface Inbox {
  /** A new session: what was cut off in the last one is not completed by this one. */
  begin(): void
  take(what: DownTopic, payload: Buffer): void
  readonly counters: Readonly<InboxCounters>
  trouble(): MessageTrouble
}

export function createInbox(deps: InboxDeps): Inbox {
  const { node, verifier, held, log } = deps
  const troubles = createTroubleCounter()
  const { causes } = troubles
  const counters: InboxCounters = {
    taken: 0,
    repeated: 0,
    older: 0,
    conflicting: 0,
    refused: 0,
    uncommitted: 0,
    causes,
  }
  const toldMs = new Map<string, number>()
  let assembler = createAssembler()

  function count(cause: Cause): void {
    troubles.count(cause, deps.clock.monoMs())
    deps.onRefused?.(cause)
  }
  function alarm(reason: string, message: string, kind: 'alarm' | 'event' = 'event'): void {
    const nowMs = deps.clock.monoMs()
    const before = toldMs.get(reason)
    if (before !== undefined && nowMs - before < TOLD_AGAIN_AFTER_MS) return
    toldMs.set(reason, nowMs)
    log.warn({ reason }, message)
    deps.cache.appendJournal({ body: { kind: 'event', class: kind, severity: 'Warning', reason, message } })
  }
  function refuse(what: DownTopic, why: string, cause: Cause = 'nonsense'): void {
    counters.refused++
    count(cause)
    alarm('MessageRefused', `a message on "${what}" was refused and changed nothing: ${why}`)
  }

  function take(what: DownTopic, payload: Buffer): void {
    const packet = assembler.add(payload)
    if (!packet) return
    const dictionaries = (id: number) => (id === STATIC_DICTIONARY.id ? STATIC_DICTIONARY.bytes : held.dictionary(id))
    const opened = open({
      topic: topicOf(node, what),
      packet,
      bytesMax: inflatedBytesMax(what),
      dictionaries,
      // Keys carry the signature of the root key inside: the key that signs the rest may be one that is not known yet.
      ...(what !== 'keys' && { verifier }),
    })
    if (!opened.ok)
      return opened.why === 'unknown dictionary' ? deps.wantPlain() : refuse(what, opened.why, causeOf(opened.why))
    if (what === 'keys') return takeKeys(opened.body)
    if (what === 'state') return takeState(packet, opened.body, opened.keyRank)
    if (what === 'ack') {
      const ack = parseBody(journalAck, opened.body)
      return ack.ok ? deps.onAck(ack.value) : refuse(what, ack.why)
    }
    const call = parseBody(callMessage, opened.body)
    return call.ok ? deps.onCall(call.value) : refuse(what, call.why)
  }

  function takeKeys(body: Buffer): void {
    const verdict = deps.takeKeys(body)
    if (verdict.kind === 'refused') return refuse('keys', verdict.why, 'forged')
    if (verdict.kind === 'taken') return
    counters.uncommitted++
    log.error({ why: verdict.why }, 'new keys could not be written and are not taken')
  }

  function takeState(packet: Buffer, body: Buffer, keyRank: number): void {
    const parsed = parseBody(desiredState, body)
    if (!parsed.ok) return refuse('state', parsed.why)
    const state = parsed.value
    if (state.node !== node) return refuse('state', 'it is for another node', 'foreign')
    const { epoch, revision } = state
    const incoming: Mark = { keyRank, epoch, revision, digest: sha256Hex(body) }
    const mark = held.mark()
    const verdict = mark ? judge(mark, incoming) : judgeAfterLoss(held.floor(), incoming)
    switch (verdict) {
      case 'older':
        counters.older++
        count('older')
        return log.debug({ epoch, revision }, 'an older state changed nothing')
      case 'conflict':
        counters.conflicting++
        count('conflicting')
        troubles.conflict(`${epoch}/${revision}`)
        return alarm(
          'StateConflict',
          `two signed states have the number ${epoch}/${revision}: the one that is held stays`,
          'alarm',
        )
      case 'same':
        counters.repeated++
        count('replayed')
        return deps.onHeld()
      case 'take':
        return commit()
    }

    function commit(): void {
      try {
        held.commit(state, body, withoutDictionary(packet, body), keyRank)
      } catch (error) {
        // Not acknowledged: the hub sends it again, and the disk may have recovered by then.
        counters.uncommitted++
        return log.error({ epoch, revision, error }, 'a new state could not be written and is not taken')
      }
      counters.taken++
      troubles.resolved()
      log.info({ epoch, revision, pods: state.pods.length }, 'took a new desired state')
      deps.onHeld()
    }
  }

  return {
    counters,
    take,
    trouble: () => troubles.trouble(deps.clock.monoMs()),
    begin() {
      assembler = createAssembler()
    },
  }
}
