// state-verifier.ts - reads a signed desired state that was kept beside the cache: who signed it, for whom, and what it says
import { STATIC_DICTIONARY } from '../../shared/protocol/dictionary.ts'
import { open, STATE_BYTES_MAX } from '../../shared/protocol/envelope.ts'
import { desiredState, type DesiredState } from '../../shared/protocol/messages.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { createVerifier, type Verifier } from '../../shared/protocol/signing.ts'
import { topicOf } from '../../shared/protocol/topics.ts'
import type { Identity } from './identity.ts'

/** Undefined for anything that the hub has not signed for this very node. */
export function createStateVerifier(
  { nodeName, signingKeys }: Pick<Identity, 'nodeName' | 'signingKeys'>,
  verifier: Verifier = createVerifier(signingKeys),
) {
  const topic = topicOf(nodeName, 'state')
  return (signed: Uint8Array): DesiredState | undefined => {
    const dictionaries = (id: number) => (id === STATIC_DICTIONARY.id ? STATIC_DICTIONARY.bytes : undefined)
    const opened = open({ topic, packet: signed, bytesMax: STATE_BYTES_MAX, dictionaries, verifier })
    const parsed = opened.ok ? parseBody(desiredState, opened.body) : undefined
    return parsed?.ok && parsed.value.node === nodeName ? parsed.value : undefined
  }
}
