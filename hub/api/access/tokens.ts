// tokens.ts - bearer tokens of the built-in users: minted once, kept as hashes, compared in constant time
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../../shared/random.ts'

/** 256 bit: nobody guesses it, so what is kept needs no slow hash. */
const SECRET_BYTES = 32
const PREFIX = 'hft_'

export const MASTERS = 'system:masters'
export const VIEWERS = 'holdfast:viewers'
export const AUTHENTICATED = 'system:authenticated'

/** What the hub keeps. */
export interface TokenRecord {
  user: string
  uid: string
  groups: readonly string[]
  /** SHA-256 of the token, hexadecimal. */
  hash: string
}

/** The groups of the two users that every hub has. */
export const BUILT_IN_USERS = { admin: [MASTERS], viewer: [VIEWERS] } as const
export type BuiltInUser = keyof typeof BUILT_IN_USERS

/** The token is shown once, to whoever writes the kubeconfig; only the record stays. */
export function mintToken(user: BuiltInUser, random: Random): { token: string; record: TokenRecord } {
  const token = PREFIX + Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')
  return {
    token,
    record: { user, uid: random.uuid(), groups: BUILT_IN_USERS[user], hash: hashOf(token).toString('hex') },
  }
}

/** Looks at every record, also after it has found one: how long it takes tells nothing. */
export function findToken(token: string, records: readonly TokenRecord[]): TokenRecord | undefined {
  const hash = hashOf(token)
  return records.reduce<TokenRecord | undefined>(
    (found, record) => (isEqual(hash, record.hash) ? record : found),
    undefined,
  )
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

function isEqual(hash: Buffer, hex: string): boolean {
  const kept = Buffer.from(hex, 'hex')
  return kept.length === hash.length && timingSafeEqual(kept, hash)
}
