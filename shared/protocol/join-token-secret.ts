// join-token-secret.ts - how the hub keeps a join token: a Secret in kube-system with the hash of its secret, never the secret
import * as v from 'valibot'
import type { Secret } from '../kinds/object.ts'
import { sha256Hex } from '../hash.ts'

export const JOIN_TOKEN_TYPE = 'holdfast.dev/join-token'
export const JOIN_TOKEN_NAMESPACE = 'kube-system'

export interface JoinTokenRecord {
  id: string
  /** SHA-256 of the secret's text, hexadecimal. */
  secretHash: string
  usesLeft: number
  /** Wall time of the hub. */
  expiresAtMs: number
  /** Becomes the node's topology.kubernetes.io/zone. */
  site?: string
  labels: Readonly<Record<string, string>>
}

const count = v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number))
const stored = v.object({
  secretHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  usesLeft: count,
  expiresAt: v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse)),
  site: v.optional(v.string()),
  labels: v.pipe(v.optional(v.string(), '{}'), v.rawTransform(parseLabels)),
})

export const joinTokenSecretName = (id: string): string => `join-token-${id}`
export const joinTokenHash = (secret: string): string => sha256Hex(Buffer.from(secret))

/** The `data` of the Secret; its type is JOIN_TOKEN_TYPE and its name joinTokenSecretName(id). */
export function joinTokenData(record: JoinTokenRecord): Record<string, string> {
  const text = {
    secretHash: record.secretHash,
    usesLeft: String(record.usesLeft),
    expiresAt: new Date(record.expiresAtMs).toISOString(),
    labels: JSON.stringify(record.labels),
    ...(record.site && { site: record.site }),
  }
  return Object.fromEntries(Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
}

/** Undefined for a Secret that is none, or that somebody has edited into nonsense. */
export function joinTokenOf(id: string, secret: Pick<Secret, 'data' | 'type'>): JoinTokenRecord | undefined {
  if (secret.type !== JOIN_TOKEN_TYPE) return undefined
  const texts = Object.entries(secret.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString('utf8'),
  ])
  const parsed = v.safeParse(stored, Object.fromEntries(texts))
  if (!parsed.success) return undefined
  const { secretHash, usesLeft, expiresAt: expiresAtMs, site, labels } = parsed.output
  return { id, secretHash, usesLeft, expiresAtMs, labels, ...(site && { site }) }
}

function parseLabels({ dataset, addIssue, NEVER }: v.RawTransformContext<string>): Record<string, string> {
  try {
    return v.parse(v.record(v.string(), v.string()), JSON.parse(dataset.value))
  } catch {
    addIssue({ message: 'labels are not a map of strings' })
    return NEVER
  }
}
