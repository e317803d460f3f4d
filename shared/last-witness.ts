// last-witness.ts - on a node that is not online: by what the hub knew of it last, and when

export const LAST_WITNESS_ANNOTATION = 'holdfast.dev/last-witness'

/** "link broke at 2026-11-20T12:00:00Z"; undefined when nothing is written, or something else. */
export function readWitness(
  annotations: Readonly<Record<string, string>> | undefined,
): { what: string; at: string } | undefined {
  const [, what, at] = /^(.+) at (\S+)$/.exec(annotations?.[LAST_WITNESS_ANNOTATION] ?? '') ?? []
  return what === undefined || at === undefined || Number.isNaN(Date.parse(at)) ? undefined : { what, at }
}
