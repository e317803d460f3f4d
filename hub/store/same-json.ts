// same-json.ts - whether two values would be the same JSON, and which parts: an absent field and an undefined one are alike
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]))
  }
  return sameFields(a, b)
}

/** Called for every write, on whole objects: no lists and maps are made on the way. */
function sameFields(a: object, b: object): boolean {
  const [left, right] = [a as Fields, b as Fields]
  let present = 0
  for (const key of Object.keys(left)) {
    if (left[key] === undefined) continue
    present++
    if (!Object.hasOwn(right, key) || right[key] === undefined || !sameJson(left[key], right[key])) return false
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) present--
  return present === 0
}

type Fields = Readonly<Record<string, unknown>>

/**
 * What is in `next` as it is in `old` becomes the very part of `old`, or all of it: it is frozen already, later comparisons
 * end there, and readers see by identity that it has not changed. Changes `next`, which is the caller's own copy.
 */
export function shareSame<T>(next: T, old: T): T
export function shareSame(next: unknown, old: unknown): unknown {
  if (next === old) return old
  if (next === null || old === null || typeof next !== 'object' || typeof old !== 'object') return next
  if (Array.isArray(next) && Array.isArray(old)) return shareItems(next, old) ? old : next
  if (Array.isArray(next) || Array.isArray(old)) return next
  return shareFields(next as Record<string, unknown>, old as Fields) ? old : next
}

function shareItems(next: unknown[], old: readonly unknown[]): boolean {
  let isSame = next.length === old.length
  for (let index = 0; index < Math.min(next.length, old.length); index++) {
    next[index] = shareSame(next[index], old[index])
    isSame &&= next[index] === old[index]
  }
  return isSame
}

function shareFields(next: Record<string, unknown>, old: Fields): boolean {
  let isSame = true
  for (const key of Object.keys(next)) {
    const before = Object.hasOwn(old, key) ? old[key] : undefined
    const part = shareSame(next[key], before)
    if (part !== next[key]) next[key] = part
    isSame &&= part === before
  }
  return isSame && Object.keys(old).every((key) => old[key] === undefined || Object.hasOwn(next, key))
}
