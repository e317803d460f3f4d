// service-account-tokens.ts - JSON Web Tokens for service accounts: issued on request, bound to the account's uid, expiring
import * as v from 'valibot'
import type { Clock } from '../../../shared/clock.ts'
import type { Random } from '../../../shared/random.ts'

export const ISSUER = 'https://kubernetes.default.svc.cluster.local'
/** A token is a few hundred bytes; anything longer is not even looked at. */
const TOKEN_LENGTH_MAX = 8 * 1024

/** Signs and checks with the hub's key. */
export interface TokenKey {
  /** JWS name: "EdDSA" or "HS256". */
  readonly algorithm: string
  sign(bytes: Uint8Array): Uint8Array
  verify(bytes: Uint8Array, signature: Uint8Array): boolean
}

const reference = v.object({ name: v.string(), uid: v.string() })
const claimsSchema = v.object({
  iss: v.literal(ISSUER),
  sub: v.string(),
  aud: v.array(v.string()),
  exp: v.number(),
  iat: v.number(),
  nbf: v.number(),
  jti: v.string(),
  'kubernetes.io': v.object({ namespace: v.string(), serviceaccount: reference, pod: v.optional(reference) }),
})
export type Claims = v.InferOutput<typeof claimsSchema>

const headerSchema = v.object({ alg: v.string() })

export interface IssueRequest {
  namespace: string
  serviceAccount: { name: string; uid: string }
  pod?: { name: string; uid: string }
  audiences: readonly string[]
  expirationSeconds: number
}

export interface ServiceAccountTokens {
  issue(request: IssueRequest): { token: string; expiresAtWallMs: number }
  /** The claims of a token that we signed, that is for us and has not expired on our wall clock. */
  verify(token: string, audiences?: readonly string[]): Claims | undefined
}

export interface ServiceAccountTokensDeps {
  key: TokenKey
  clock: Clock
  random: Random
}

export function createServiceAccountTokens({ key, clock, random }: ServiceAccountTokensDeps): ServiceAccountTokens {
  const nowSeconds = () => Math.floor(clock.wallMs() / 1000)
  return {
    issue({ namespace, serviceAccount, pod, audiences, expirationSeconds }) {
      const iat = nowSeconds()
      const exp = iat + expirationSeconds
      const claims: Claims = {
        iss: ISSUER,
        sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
        aud: audiences.length > 0 ? [...audiences] : [ISSUER],
        exp,
        iat,
        nbf: iat,
        jti: random.uuid(),
        'kubernetes.io': { namespace, serviceaccount: serviceAccount, ...(pod && { pod }) },
      }
      const signed = `${encode({ alg: key.algorithm, typ: 'JWT' })}.${encode(claims)}`
      const signature = Buffer.from(key.sign(Buffer.from(signed))).toString('base64url')
      return { token: `${signed}.${signature}`, expiresAtWallMs: exp * 1000 }
    },
    verify(token, audiences = [ISSUER]) {
      if (token.length > TOKEN_LENGTH_MAX) return undefined
      const [header = '', body = '', signature = '', ...more] = token.split('.')
      if (more.length > 0 || !signature) return undefined
      // Our own algorithm only: the token does not get to choose how it is checked.
      if (decode(headerSchema, header)?.alg !== key.algorithm) return undefined
      if (!key.verify(Buffer.from(`${header}.${body}`), Buffer.from(signature, 'base64url'))) return undefined
      const claims = decode(claimsSchema, body)
      const isForUs = claims?.aud.some((audience) => audiences.includes(audience))
      return claims && isForUs && claims.nbf <= nowSeconds() && nowSeconds() < claims.exp ? claims : undefined
    },
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function decode<T>(schema: v.GenericSchema<unknown, T>, part: string): T | undefined {
  try {
    const parsed = v.safeParse(schema, JSON.parse(Buffer.from(part, 'base64url').toString('utf8')))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined // not JSON: not a token of ours
  }
}
