// hash.ts - names for contents: the same meaning gives the same hash, whatever the order of keys or the spelling of "nothing"
import { createHash } from 'node:crypto'

/** JSON with sorted keys and without undefined. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? 'null'
}

/** Every message, state and hash comes through here, and most of it is in order: that is not copied. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return sortedList(value)
  const members = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(members)
  const isInOrder = keys.every((key, index) => index === 0 || keys[index - 1]! < key)
  let copy: Record<string, unknown> | undefined = isInOrder ? undefined : {}
  for (const key of isInOrder ? keys : keys.sort()) {
    const member = sorted(members[key])
    if (copy) setField(copy, key, member)
    else if (member !== members[key]) copy = { ...members, [key]: member }
  }
  return copy ?? value
}

/** One key means something special to an assignment. */
function setField(copy: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(copy, key, { value, enumerable: true })
  else copy[key] = value
}

function sortedList(items: readonly unknown[]): readonly unknown[] {
  const result = items.map(sorted)
  return result.every((item, index) => item === items[index]) ? items : result
}

/** Here an empty text is a value like any other, and so is every key. */
const MAPS = new Set(['labels', 'annotations', 'nodeSelector', 'matchLabels', 'data', 'limits', 'requests', 'options'])
/** Fields whose zero value Go leaves out when it writes JSON. For all others (runAsUser: 0) zero says something. */
const ZERO_SAYS_NOTHING = new Set([
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'stdin',
  'stdinOnce',
  'tty',
  'readOnly',
  'hostPort',
  'initialDelaySeconds',
  'minReadySeconds',
])

/** What Go's omitempty would have left out is left out: `args: []`, `hostNetwork: false` and `""` mean the same as nothing. */
export function withoutEmpty(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((member) => withoutEmpty(member))
  if (typeof value !== 'object' || value === null || MAPS.has(key)) return value
  const entries = Object.entries(value).filter(([name, member]) => !isEmpty(name, member))
  return Object.fromEntries(entries.map(([name, member]) => [name, withoutEmpty(member, name)]))
}

const isEmpty = (name: string, value: unknown): boolean =>
  value == null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  ((value === false || value === 0) && ZERO_SAYS_NOTHING.has(name))

/** 32-bit FNV-1a: small, fast and good enough to tell templates apart; not for secrets. */
export function fnv32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

export const sha256Hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** No vowels and no 0, 1, 3: a hash in a name must not spell a word. Upstream's alphabet. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789'
const safeText = (number: number): string => String(number).replaceAll(/\d/g, (digit) => SAFE[Number(digit)] ?? '')

/** The `pod-template-hash` of a template. `collisions` changes it when another template already took the name. */
export const templateHash = (template: unknown, collisions = 0): string =>
  safeText(fnv32(canonicalJson(withoutEmpty(template)) + (collisions > 0 ? `#${collisions}` : '')))

/** Rendezvous hashing: everybody who knows the members ranks them the same for a key, and one that leaves moves only its own. */
export function rendezvousOrder(key: string, members: readonly string[]): string[] {
  const score = new Map(members.map((member) => [member, sha256Hex(`${key}\0${member}`)]))
  return members.toSorted((a, b) => (score.get(a)! > score.get(b)! ? -1 : 1))
}
