// outbox.ts - signs and publishes what goes down to one device
import { canonicalJson } from '../../shared/hash.ts'
import { STATIC_DICTIONARY, type Dictionary } from '../../shared/protocol/dictionary.ts'
import { seal } from '../../shared/protocol/envelope.ts'
import type { CallMessage } from '../../shared/protocol/calls.ts'
import type { JournalAck } from '../../shared/protocol/messages.ts'
import type { KeySet } from '../../shared/protocol/key-set.ts'
import { splitParts } from '../../shared/protocol/parts.ts'
import type { Signer } from '../../shared/protocol/signing.ts'
import { topicOf, type DownTopic } from '../../shared/protocol/topics.ts'
import type { Broker } from '../broker/broker.ts'
import type { Session } from './sessions.ts'

export interface Outbox {
  /** Without a dictionary: plain. */
  state(node: string, body: Buffer, dictionary: Dictionary | undefined): void
  ack(session: Session, ack: Omit<JournalAck, 'type' | 'session'>): void
  call(session: Session, call: CallMessage): void
  /** Carries the signature of the root key inside. */
  keys(node: string, keySet: KeySet): void
}

export function createOutbox({ broker, signer }: { broker: Pick<Broker, 'publish'>; signer: Signer }): Outbox {
  const publish = (node: string, what: DownTopic, body: Buffer, dictionary: Dictionary | undefined) => {
    for (const packet of splitParts(seal({ topic: topicOf(node, what), body, dictionary, signer }))) {
      broker.publish(node, what, packet)
    }
  }
  const tell = ({ connection, hello }: Session, what: DownTopic, message: object) =>
    publish(
      connection.node,
      what,
      Buffer.from(canonicalJson(message)),
      // Before its hello nobody knows which dictionary a device has: one of another version reads plain words only.
      !hello || hello.wantPlain ? undefined : STATIC_DICTIONARY,
    )

  return {
    state: (node, body, dictionary) => publish(node, 'state', body, dictionary),
    ack: (session, ack) => tell(session, 'ack', { type: 'ack', session: session.hello?.session ?? 0, ...ack }),
    call: (session, call) => tell(session, 'call', call),
    keys: (node, keySet) => publish(node, 'keys', Buffer.from(canonicalJson(keySet)), undefined),
  }
}
