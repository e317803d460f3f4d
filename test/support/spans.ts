// spans.ts - a workload that says when it lives, and what it has said: whether something ran twice at once is measured by itself
import { existsSync, readFileSync } from 'node:fs'

export interface Span {
  instance: string
  fromS: number
  toS: number
}

/**
 * Writes the time since boot, which all processes of this machine share, and who it is. It does not end on TERM: only
 * what kills it ends it.
 */
export const stubborn = (file: string) =>
  `trap '' TERM; id=$(cat /proc/sys/kernel/random/uuid); while :; do read -r up _ </proc/uptime; echo "$up $id" >>${file}; sleep 0.1; done`

/** Of each instance the first and the last word, in the order of their beginnings. */
export function spans(file: string): Span[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  const found = new Map<string, Span>()
  for (const line of lines) {
    const [at = '', instance = ''] = line.split(' ')
    found.set(instance, { instance, fromS: found.get(instance)?.fromS ?? Number(at), toS: Number(at) })
  }
  return [...found.values()].toSorted((a, b) => a.fromS - b.fromS)
}

/** Undefined when each had ended before the next began. */
export function overlap(all: readonly Span[]): string | undefined {
  const index = all.findIndex(({ toS }, at) => toS >= (all[at + 1]?.fromS ?? Infinity))
  return index < 0 ? undefined : `${JSON.stringify(all[index])} and ${JSON.stringify(all[index + 1])} ran at once`
}
