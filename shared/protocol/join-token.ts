// join-token.ts - the one string that a device needs to join: where the hub is, how to know it, and the right to enrol
import * as v from 'valibot'

const PREFIX = 'hf1.'
/** A token is pasted by people and read from a prompt; addresses are the only long part. */
const TOKEN_CHARACTERS_MAX = 4096
export const SECRET_BYTES = 16

const shape = v.object({
  /** Addresses of the hub's HTTPS port, "host:port", best first. */
  h: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:[\]-]{1,253}$/))), v.minLength(1), v.maxLength(8)),
  /** SHA-256 of the CA certificate, hexadecimal: compared before the secret leaves the device. */
  f: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  i: v.pipe(v.string(), v.regex(/^[a-z0-9]{6,32}$/)),
  s: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{22}$/)),
})

export interface JoinToken {
  addresses: readonly string[]
  caFingerprint: string
  id: string
  /** 128 random bits, base64url; the hub keeps only their hash. */
  secret: string
}

export function encodeJoinToken(token: JoinToken): string {
  const body = { h: token.addresses, f: token.caFingerprint, i: token.id, s: token.secret }
  return PREFIX + Buffer.from(JSON.stringify(body)).toString('base64url')
}

/** Undefined for anything that is not a whole token of this version. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith(PREFIX) || trimmed.length > TOKEN_CHARACTERS_MAX) return undefined
  const parsed = v.safeParse(v.pipe(v.string(), v.rawTransform(jsonOf), shape), trimmed.slice(PREFIX.length))
  if (!parsed.success) return undefined
  const { h, f, i, s } = parsed.output
  return { addresses: h, caFingerprint: f, id: i, secret: s }
}

function jsonOf({ dataset, addIssue, NEVER }: v.RawTransformContext<string>): unknown {
  try {
    return JSON.parse(Buffer.from(dataset.value, 'base64url').toString('utf8'))
  } catch {
    addIssue({ message: 'not the whole token' })
    return NEVER
  }
}
