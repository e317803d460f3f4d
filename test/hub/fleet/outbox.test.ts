// outbox.test.ts - what the hub says before it knows which words a device understands
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { createOutbox } from '../../../hub/fleet/outbox.ts'
import { createSessions } from '../../../hub/fleet/sessions.ts'
import { MESSAGE_BYTES_MAX, open } from '../../../shared/protocol/envelope.ts'
import { createSigner } from '../../../shared/protocol/signing.ts'
import { topicOf } from '../../../shared/protocol/topics.ts'

t.test(
  'A device of another version, whose hello the hub cannot read, is asked in plain words for a plain one',
  async (t) => {
    const sent: Buffer[] = []
    const broker = { publish: (_node: string, _what: string, packet: Buffer) => void sent.push(packet) }
    const outbox = createOutbox({ broker, signer: createSigner(generateKeyPairSync('ed25519').privateKey) })
    const sessions = createSessions({ beatEveryMs: () => 10_000 })
    const connection = { id: 1, node: 'node-1', keyFingerprint: 'f', instance: 'i', address: '192.0.2.1' }
    outbox.ack(sessions.open(connection, 0), { upTo: 0, wantPlain: true })
    const opened = open({
      topic: topicOf('node-1', 'ack'),
      packet: sent[0] ?? Buffer.alloc(0),
      bytesMax: MESSAGE_BYTES_MAX,
      dictionaries: () => undefined,
    })
    t.ok(opened.ok)
    if (opened.ok) t.match(JSON.parse(opened.body.toString()), { type: 'ack', wantPlain: true })
  },
)
