// journal-order.ts - the hub records what a device's journal says in the order in which it was written, and passes over nothing
import { AGENT_COMPONENT } from '../../hub/fleet/components.ts'
import { JOURNAL_ANNOTATION } from '../../hub/fleet/ingest-journal.ts'
import type { Change } from '../../hub/store/store.ts'
import type { Event, Node } from '../../shared/kinds/object.ts'

export interface JournalOrder {
  /** It stands in the journal under this number; a gap stands where the last of those stood that it replaces. */
  written(node: string, seq: number, words: string): void
  /** It may be missing. */
  lost(node: string, seq: number): void
  /** The hub tells of an event, after all that it told before. */
  recorded(change: Change<Event>): void
  /** The mark comes after the events of its transaction; answers what is wrong with these. */
  marked(change: Change<Node>): Disorder | undefined
}

export interface Disorder {
  /** passed over: allowed where entries may be missing. */
  kind: 'out of order' | 'passed over'
  message: string
}

interface Section {
  from: number
  to: number
  words: readonly string[]
}

export const GAP_WORDS = 'JournalGap'

/** What the hub puts before the words of an entry whose pod is gone. */
const ABOUT_POD = /^pod [^ ]+: /

/** Undefined: not from the journal of a device. */
export function saidBy({ source, reason, message = '' }: Event): { node: string; words: string } | undefined {
  if (source?.host === undefined || source.component !== AGENT_COMPONENT) return undefined
  const words = reason === GAP_WORDS ? GAP_WORDS : `${reason} ${message.replace(ABOUT_POD, '')}`
  return { node: source.host, words }
}

/** How far the hub has come with the journal of a node. */
export function markIn(node: Node | undefined): { journal: string; seq: number } {
  const [, journal = '', seq] = /^([\w-]+):(\d+)$/.exec(node?.metadata.annotations?.[JOURNAL_ANNOTATION] ?? '') ?? []
  return { journal, seq: Number(seq ?? 0) }
}

export function createJournalOrder(): JournalOrder {
  /** By node and number: usually one; more where a gap took its place, or numbers began anew. */
  const written = new Map<string, Map<number, string[]>>()
  const lost = new Set<string>()
  const unmarked = new Map<string, string[]>()

  /** Whether these words are what stands from here to there, in order; `mayLack` says what need not be among them. */
  function fits(node: string, { from, to, words }: Section, mayLack: (seq: number) => boolean): boolean {
    const entries = written.get(node)
    const mustFollow = (seq: number) => (entries?.has(seq) ?? false) && !mayLack(seq)
    // Where the last word may stand: the same is said again and again.
    let ends = new Set([from])
    for (const one of [...words, undefined]) {
      const next = new Set<number>()
      for (const end of ends) {
        let seq = end + 1
        for (; seq <= to; seq++) {
          if (one !== undefined && entries?.get(seq)?.includes(one)) next.add(seq)
          if (mustFollow(seq)) break
        }
        if (one === undefined && seq > to) return true
      }
      ends = next
    }
    return false
  }

  function disorder(node: string, section: Section): Disorder | undefined {
    if (fits(node, section, (seq) => lost.has(`${node} ${seq}`))) return undefined
    const kind = fits(node, section, () => true) ? 'passed over' : 'out of order'
    const { from, to, words } = section
    return {
      kind,
      message: `${node}: of its entries from ${from + 1} to ${to} the hub has, ${kind}: ${words.join(', ')}`,
    }
  }

  return {
    written(node, seq, words) {
      const entries = written.get(node) ?? new Map<number, string[]>()
      written.set(node, entries)
      entries.set(seq, [...(entries.get(seq) ?? []), words])
    },
    lost: (node, seq) => void lost.add(`${node} ${seq}`),
    recorded({ type, object }) {
      const said = type === 'DELETED' ? undefined : saidBy(object)
      if (said) unmarked.set(said.node, [...(unmarked.get(said.node) ?? []), said.words])
    },
    marked({ object, previous }) {
      const { name } = object.metadata
      const [before, after] = [markIn(previous), markIn(object)]
      if (before.journal === after.journal && before.seq === after.seq) return undefined
      const words = unmarked.get(name) ?? []
      unmarked.delete(name)
      return disorder(name, { from: before.journal === after.journal ? before.seq : 0, to: after.seq, words })
    },
  }
}
