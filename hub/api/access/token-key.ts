// token-key.ts - the hub's Ed25519 key as the signer of service account tokens
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import type { TokenKey } from './service-account-tokens.ts'

const ED25519_SIGNATURE_BYTES = 64

/** A JWT starts with "eyJ", what agents verify with a topic: the same key may sign both, neither passes for the other. */
export function createTokenKey(privateKey: KeyObject): TokenKey {
  const publicKey = createPublicKey(privateKey)
  return {
    algorithm: 'EdDSA',
    sign: (bytes) => sign(null, bytes, privateKey),
    verify: (bytes, signature) =>
      signature.length === ED25519_SIGNATURE_BYTES && verify(null, bytes, publicKey, signature),
  }
}
