// witness.ts - by what the hub knows last of a device: what it heard, or that the link broke; in words on the node
import { rfc3339 } from '../../shared/clock.ts'
import type { Node } from '../../shared/kinds/object.ts'
import { LAST_WITNESS_ANNOTATION, readWitness } from '../../shared/last-witness.ts'

const WITNESSED = ['hello', 'beat', 'report', 'journal', 'held state', 'link broke'] as const
export type Witnessed = (typeof WITNESSED)[number]

export interface Witness {
  what: Witnessed
  atWallMs: number
}

/** Of an earlier life of the hub. */
export function writtenWitness({ metadata }: Pick<Node, 'metadata'>): Witness | undefined {
  const written = readWitness(metadata.annotations)
  const what = WITNESSED.find((each) => each === written?.what)
  return what && written && { what, atWallMs: Date.parse(written.at) }
}

/** Empty when there is nothing new to say: the time of the same word is not written again because a clock was set. */
export function witnessAnnotation(
  before: Readonly<Record<string, string>> | undefined,
  witness: Witness | undefined,
): Record<string, string> {
  const written = before?.[LAST_WITNESS_ANNOTATION]
  if (!witness || readWitness(before)?.what === witness.what)
    return written === undefined ? {} : { [LAST_WITNESS_ANNOTATION]: written }
  return { [LAST_WITNESS_ANNOTATION]: `${witness.what} at ${rfc3339(witness.atWallMs)}` }
}
