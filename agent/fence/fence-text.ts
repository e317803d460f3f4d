// fence-text.ts - what agent and fence tell each other, line by line, as a shell reads it; pure

export type FenceRuntime = 'docker' | 'process'

/** What one pod may, and what of it runs. */
export interface Tenure {
  podUid: string
  /** When what the hub has acknowledged was sent, in boot time. */
  sentMs: number
  stopAfterMs: number
  killAfterMs: number
  containers: readonly { id: string; runtime: FenceRuntime }[]
}

export interface FenceNote {
  bootId: string
  agent: { pid: number; startTicks: string }
  tenures: readonly Tenure[]
}

const WORD = /^[\w.-]{1,128}$/

/**
 * "pod" lines are for the next agent, the others for the fence:
 *   docker <container> <TERM at> <KILL at> <pod>    seconds since boot, rounded down: never late
 */
export function fenceText({ bootId, agent, tenures }: FenceNote): string {
  const lines = tenures.flatMap(({ podUid, sentMs, stopAfterMs, killAfterMs, containers }) => [
    ['pod', podUid, sentMs, stopAfterMs, killAfterMs],
    ...containers.map(({ id, runtime }) => {
      const [stopAt, killAt] = [stopAfterMs, killAfterMs].map((afterMs) => seconds(sentMs + afterMs))
      return [runtime, id, stopAt, killAt, podUid]
    }),
  ])
  const words = [['boot', bootId], ['agent', agent.pid, agent.startTicks], ...lines]
  return words.map((line) => `${line.map(checked).join(' ')}\n`).join('')
}

const seconds = (ms: number) => Math.max(0, Math.floor(ms / 1000))

/** Ids come from engines and hubs; in this file they are words, and nothing else. */
function checked(word: string | number | undefined): string {
  const text = String(word)
  if (!WORD.test(text)) throw new Error(`"${text}" cannot be written down for the fence`)
  return text
}

/** Nothing of another boot, and nothing that cannot be read. */
export function readTenures(text: string, bootId: string): Tenure[] {
  const lines = text.split('\n').map((line) => line.split(' '))
  if (lines[0]?.[0] !== 'boot' || lines[0][1] !== bootId) return []
  const containersOf = (podUid: string) =>
    lines.flatMap(([kind, id = '', , , pod]) =>
      (kind === 'docker' || kind === 'process') && pod === podUid ? [{ id, runtime: kind } as const] : [],
    )
  return lines.flatMap(([kind, podUid = '', ...numbers]) => {
    const [sentMs = NaN, stopAfterMs = NaN, killAfterMs = NaN] = numbers.map(Number)
    const isWhole = kind === 'pod' && [sentMs, stopAfterMs, killAfterMs].every(Number.isSafeInteger)
    return isWhole ? [{ podUid, sentMs, stopAfterMs, killAfterMs, containers: containersOf(podUid) }] : []
  })
}
