// key-set.ts - the keys with which a hub signs, in a document that its root key has signed: so that devices follow a rotation
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import * as v from 'valibot'
import { canonicalJson } from '../hash.ts'
import type { TrustedKey } from './signing.ts'

/** The newest signs; those before it only vouch for what is kept. More than a few nobody needs. */
export const KEYS_MAX = 8

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const pem = v.pipe(v.string(), v.startsWith('-----BEGIN PUBLIC KEY-----'), v.maxLength(1_024))

export const keySet = v.object({
  version: v.pipe(count, v.minValue(1)),
  /** By rank, which only grows: a key that is gone from the list leaves its rank unused. */
  keys: v.pipe(v.array(v.object({ rank: count, pem })), v.minLength(1), v.maxLength(KEYS_MAX)),
  /** Base64, of everything above. */
  signature: v.pipe(v.string(), v.maxLength(128)),
})
export type KeySet = v.InferOutput<typeof keySet>

export const newestOf = ({ keys }: Pick<KeySet, 'keys'>): TrustedKey =>
  keys.reduce((newest, key) => (key.rank > newest.rank ? key : newest))

export function signKeySet(content: Omit<KeySet, 'signature'>, root: KeyObject): KeySet {
  return { ...content, signature: sign(null, signedBytes(content), root).toString('base64') }
}

/** Whether this root key has signed exactly this. */
export function isGenuine({ signature, ...content }: KeySet, rootPem: string): boolean {
  return verify(null, signedBytes(content), createPublicKey(rootPem), Buffer.from(signature, 'base64'))
}

/** Begins unlike anything else that is signed here: no signature is worth anything in another place. */
const signedBytes = ({ version, keys }: Omit<KeySet, 'signature'>): Buffer =>
  Buffer.from(`holdfast key set\0${canonicalJson({ version, keys })}`)
