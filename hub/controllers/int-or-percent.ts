// int-or-percent.ts - "3" or "25%" of something, rounded as upstream rounds; and the two bounds of a rolling update
export type IntOrPercent = number | string | undefined

export function scaled(value: IntOrPercent, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)?.[1]
  if (percent === undefined) return Number.parseInt(value, 10) || 0
  const exact = (Number(percent) * total) / 100
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact)
}

export interface RollingBounds {
  maxSurge: number
  maxUnavailable: number
}

/** Both zero would never move: then one may be unavailable. */
export function rollingBounds(maxSurge: IntOrPercent, maxUnavailable: IntOrPercent, desired: number): RollingBounds {
  const surge = scaled(maxSurge, desired, 'up')
  const unavailable = scaled(maxUnavailable, desired, 'down')
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}
