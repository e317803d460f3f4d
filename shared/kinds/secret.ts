// secret.ts - the row for Secrets
import { AGE, column, NAME } from './columns.ts'
import { base64Causes, bytesOf, countOf, immutableCauses, keyCauses, sizeCauses } from './config-map.ts'
import { defineKind, pathFields } from './define.ts'
import type { Secret } from './object.ts'
import { immutableField, invalidValue, requiredValue, type Cause } from './status-error.ts'

/** The keys that a type promises to its readers. */
const REQUIRED_KEYS = new Map<string, readonly string[]>(
  Object.entries({
    'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
    'kubernetes.io/dockercfg': ['.dockercfg'],
    'kubernetes.io/tls': ['tls.crt', 'tls.key'],
    'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  }),
)

export const SECRET = defineKind<Secret>({
  kind: 'Secret',
  plural: 'secrets',
  selectableFields: pathFields('type'),
  columns: [
    NAME,
    column<Secret>('Type', ({ type }) => type ?? 'Opaque'),
    column<Secret>('Data', ({ data }) => String(countOf(data))),
    AGE,
  ],
  setDefaults(secret) {
    secret.type ||= 'Opaque'
    if (secret.stringData) {
      const encoded = Object.entries(secret.stringData).map(([key, text]) => [
        key,
        Buffer.from(text).toString('base64'),
      ])
      secret.data = { ...secret.data, ...Object.fromEntries(encoded) }
      // Write-only: nobody reads it back.
      delete secret.stringData
    }
  },
  validate: (next, old) => [
    ...keyCauses(next.data, 'data'),
    ...base64Causes(next.data, 'data'),
    ...sizeCauses((bytesOf(next.data) * 3) / 4, 'data'),
    ...typeCauses(next),
    ...(old && old.type !== next.type ? [immutableField('type', next.type)] : []),
    ...immutableCauses(next, old, ['data']),
  ],
})

function typeCauses({ type = '', data = {}, metadata }: Secret): Cause[] {
  const missing = (REQUIRED_KEYS.get(type) ?? [])
    .filter((key) => !Object.hasOwn(data, key))
    .map((key) => requiredValue(`data[${key}]`))
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.['kubernetes.io/service-account.name']) {
    return [requiredValue('metadata.annotations[kubernetes.io/service-account.name]')]
  }
  if (type === 'kubernetes.io/basic-auth' && !('username' in data) && !('password' in data)) {
    return [requiredValue('data[username]'), requiredValue('data[password]')]
  }
  if (missing.length > 0) return missing
  const [jsonKey] = type.startsWith('kubernetes.io/dockerc') ? (REQUIRED_KEYS.get(type) ?? []) : []
  return jsonKey && !isJson(data[jsonKey] ?? '')
    ? [invalidValue(`data[${jsonKey}]`, '<secret contents redacted>', 'invalid character')]
    : []
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString())
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
