// json-copy.ts - a copy of JSON that its owner may change, all the way down

/** What structuredClone does, for JSON alone: several times as fast, and every write to the store makes one. */
export function jsonCopy<T>(value: T): T
export function jsonCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => jsonCopy(item))
  if (value === null || typeof value !== 'object') return value
  const copy: Record<string, unknown> = { ...value }
  for (const key of Object.keys(copy)) {
    const member = copy[key]
    if (member !== null && typeof member === 'object') copy[key] = jsonCopy(member)
  }
  return copy
}
