// uplink.ts - what one session sends up: canonical JSON, compressed, in as many packets as it takes
import { canonicalJson } from '../../shared/hash.ts'
import { STATIC_DICTIONARY, type Dictionary } from '../../shared/protocol/dictionary.ts'
import { seal } from '../../shared/protocol/envelope.ts'
import { splitParts } from '../../shared/protocol/parts.ts'
import { topicOf, type UpTopic } from '../../shared/protocol/topics.ts'
import type { Wire } from './wire.ts'

export interface Uplink {
  readonly session: number
  /** Bytes as they are: they carry their own form and signature. */
  sendBytes(what: UpTopic, bytes: Uint8Array): Promise<void>
  /** Resolves once the broker has it; rejects when the session ends before. */
  send(what: UpTopic, message: object, options?: { qos?: 0 | 1; dictionary?: Dictionary | undefined }): Promise<Sent>
}

export interface Sent {
  /** The message, uncompressed. */
  body: Buffer
  /** What went over the link for it. */
  wireBytes: number
}

/** The headers of MQTT, TLS, TCP and IP on the way, and on the way back those of its acknowledgement. */
const PACKET_OVERHEAD_BYTES = 180

export interface UplinkDeps {
  wire: Wire
  node: string
  session: number
  /** The hub has asked for messages without a dictionary. */
  isPlain(): boolean
  /** The other side has taken something. */
  onAnswer?(): void
}

export function createUplink({ wire, node, session, isPlain, onAnswer }: UplinkDeps): Uplink {
  const publish = async (what: UpTopic, body: Uint8Array, qos: 0 | 1, dictionary: Dictionary | undefined) => {
    let wireBytes = 0
    for (const packet of splitParts(seal({ topic: topicOf(node, what), body, dictionary }))) {
      await wire.publish(what, packet, qos)
      wireBytes += packet.length + PACKET_OVERHEAD_BYTES
    }
    if (qos === 1) onAnswer?.()
    return wireBytes
  }
  return {
    session,
    async sendBytes(what, bytes) {
      await publish(what, bytes, 1, undefined)
    },
    async send(what, message, { qos = 1, dictionary = STATIC_DICTIONARY } = {}) {
      const body = Buffer.from(canonicalJson(message))
      const wireBytes = await publish(what, body, qos, isPlain() ? undefined : dictionary)
      return { body, wireBytes }
    },
  }
}

/** Plain, because the broker may deliver it when nobody can be asked. */
export const sealWill = (node: string, session: number): Buffer =>
  seal({ topic: topicOf(node, 'will'), body: Buffer.from(canonicalJson({ type: 'will', session })) })
