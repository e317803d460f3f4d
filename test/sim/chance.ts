// chance.ts - the one source of chance of a run: everything random is drawn from it or from a branch of it, so that a seed replays all
import type { Random } from '../../shared/random.ts'

export interface Chance extends Random {
  /** An integer in [min, max]. */
  between(min: number, max: number): number
  is(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** Mostly near the median, now and then many times as much: how networks and disks answer. */
  heavyTailMs(medianMs: number): number
  /** A stream of its own: what one part draws does not shift what the others get. */
  branch(): Chance
}

const TWO_32 = 2 ** 32

export function createChance(seed: number): Chance {
  const next = sfc32(seed)
  const float = () => next() / TWO_32
  const between = (min: number, max: number) => min + Math.floor(float() * (max - min + 1))
  const bytes = (length: number) => Uint8Array.from({ length }, () => next() & 255)
  return {
    float,
    between,
    bytes,
    is: (probability) => float() < probability,
    pick(list) {
      const item = list[between(0, list.length - 1)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    heavyTailMs(medianMs) {
      const tail = float() < 0.02 ? 1 / Math.max(0.001, float()) : 1
      return Math.min(60_000, medianMs * (0.5 + float()) * tail)
    },
    uuid() {
      const hex = Buffer.from(bytes(16)).toString('hex')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    branch: () => createChance(next()),
  }
}

/** Chris Doty-Humphrey's small fast counter: 128 bit of state, passes the usual batteries. */
function sfc32(seed: number): () => number {
  let a = seed >>> 0
  let b = Math.floor(seed / TWO_32) >>> 0
  let c = 0x9e37_79b9
  let counter = 1
  const next = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  // Neighbouring seeds are far apart after some rounds.
  for (let round = 0; round < 15; round++) next()
  return next
}
