// freeze.ts - makes a stored object unchangeable, all the way down: everybody reads the same one
/** Parts that are frozen already come from the previous version of the object, so an update only walks what is new. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
