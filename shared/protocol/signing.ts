// signing.ts - Ed25519 signatures of what comes down, and the set of keys that a device trusts
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'

export const SIGNATURE_BYTES = 64
/** Enough to tell the few keys of one hub apart; the signature itself is what convinces. */
export const KEY_ID_BYTES = 4

export interface Signer {
  readonly keyId: number
  sign(topic: string, body: Uint8Array): Uint8Array
}

/** The rank of the key that made the signature: a later key of the set outranks an earlier one. */
export type Verification = { ok: true; keyRank: number } | { ok: false; why: 'unknown key' | 'bad signature' }

export interface Verifier {
  verify(keyId: number, topic: string, body: Uint8Array, signature: Uint8Array): Verification
}

export function createSigner(privateKey: KeyObject): Signer {
  const keyId = keyIdOf(createPublicKey(privateKey))
  return { keyId, sign: (topic, body) => sign(null, signedBytes(topic, body), privateKey) }
}

export interface TrustedKey {
  rank: number
  pem: string
}

/** Public keys; those that come as PEM alone are ranked by their order, oldest first. */
export function createVerifier(trusted: readonly (string | TrustedKey)[]): Verifier {
  const keys = trusted.map((key, index) => {
    const { rank, pem } = typeof key === 'string' ? { rank: index, pem: key } : key
    const publicKey = createPublicKey(pem)
    return { rank, publicKey, id: keyIdOf(publicKey) }
  })
  return {
    verify(keyId, topic, body, signature) {
      const key = keys.find(({ id }) => id === keyId)
      if (!key) return { ok: false, why: 'unknown key' }
      const genuine =
        signature.length === SIGNATURE_BYTES && verify(null, signedBytes(topic, body), key.publicKey, signature)
      return genuine ? { ok: true, keyRank: key.rank } : { ok: false, why: 'bad signature' }
    },
  }
}

function keyIdOf(publicKey: KeyObject): number {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest().readUInt32BE(0)
}

/** The topic holds the type and the node: what was signed for one device or purpose is worth nothing for another. */
const signedBytes = (topic: string, body: Uint8Array): Buffer => Buffer.concat([Buffer.from(`${topic}\0`), body])
