// random.ts - chance as a port: the only file that draws random numbers, so that a seed can replay a run
import { randomBytes, randomUUID } from 'node:crypto'

export interface Random {
  /** In [0, 1). */
  float(): number
  uuid(): string
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  float: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
}
