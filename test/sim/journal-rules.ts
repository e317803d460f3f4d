// journal-rules.ts - every entry of a device's journal comes to the hub in order and once in effect, and is kept until it is on the hub's disk
import type { JournalRow } from '../../agent/cache/database.ts'
import { EVENT } from '../../shared/kinds/event.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node } from '../../shared/kinds/object.ts'
import type { JournalEntry } from '../../shared/protocol/messages.ts'
import type { HubCore } from '../../hub/core.ts'
import type { HubDisk } from './hub-disk.ts'
import { createJournalOrder, GAP_WORDS, markIn, saidBy } from './journal-order.ts'
import type { Rules } from './rules.ts'

export interface JournalRules {
  /** A process of the hub serves from now on. */
  begin(core: HubCore): void
  added(node: string, row: JournalRow): void
  acked(node: string, upTo: number): void
  /** Some are lost, or may be lost, for a reason that is allowed; numbers may begin anew. */
  excuse(node: string): void
  /** These were damaged on its disk, perhaps before the hub had them. */
  lost(node: string, rows: readonly JournalRow[]): void
  excuseAll(): void
  /** A process of the hub has ended; what it kept to itself, because somebody talked too much, is not missed. */
  ended(core: HubCore): void
  check(core: HubCore): void
}

const keptBack = ({ counters }: HubCore['events']) => counters.suppressed + counters.dropped

function wordsOf({ body: bytes }: JournalRow): string {
  // Written by the agent itself.
  const { body } = JSON.parse(bytes.toString('utf8')) as Pick<JournalEntry, 'body'>
  return body.kind === 'gap' ? GAP_WORDS : `${body.reason} ${body.message}`
}

export function createJournalRules({ rules, disk }: { rules: Rules; disk: HubDisk }): JournalRules {
  const told = new Map<string, Map<string, number>>()
  const excused = new Set<string>()
  const gaps = new Set<string>()
  const missable = new Map<string, number>()
  const order = createJournalOrder()
  let areAllExcused = false
  let isSuppressed = false
  const mayMiss = (node: string) => excused.has(node) || gaps.has(node) || areAllExcused || isSuppressed

  const count = (node: string, key: string, by: number) => {
    const counts = told.get(node) ?? new Map<string, number>()
    counts.set(key, (counts.get(key) ?? 0) + by)
    told.set(node, counts)
  }

  return {
    begin(core) {
      const { store } = core
      store.watch(EVENT, store.revision, order.recorded)
      store.watch(NODE, store.revision, (change) => {
        const wrong = order.marked(change)
        if (!wrong) return
        if (keptBack(core.events) > 0) isSuppressed = true
        if (wrong.kind === 'passed over' && mayMiss(change.object.metadata.name)) return
        rules.broken('journal entries are recorded in order', wrong.message)
      })
    },
    added(node, row) {
      const words = wordsOf(row)
      order.written(node, row.seq, words)
      if (words === GAP_WORDS) return void gaps.add(node)
      count(node, words, 1)
    },
    acked(node, upTo) {
      const row = disk.row('nodes', `${node}`) ?? disk.row('nodes', `/${node}`)
      const { seq } = markIn(row?.body === undefined ? undefined : (JSON.parse(row.body) as Node))
      if (seq < upTo && !areAllExcused && !excused.has(node))
        rules.broken('the journal is kept until the hub has it', `${node} forgets up to ${upTo}, the hub has ${seq}`)
    },
    excuse: (node) => void excused.add(node),
    lost(node, rows) {
      for (const row of rows) {
        order.lost(node, row.seq)
        const key = `${node} ${wordsOf(row)}`
        missable.set(key, (missable.get(key) ?? 0) + 1)
      }
    },
    ended({ events }) {
      if (keptBack(events) > 0) isSuppressed = true
    },
    excuseAll: () => void (areAllExcused = true),
    check(core) {
      if (keptBack(core.events) > 0) isSuppressed = true
      const heard = new Map<string, number>()
      for (const event of core.objects.list(EVENT)) {
        const said = saidBy(event)
        if (!said) continue
        const key = `${said.node} ${said.words}`
        heard.set(key, (heard.get(key) ?? 0) + (event.count ?? 1))
      }
      for (const [node, counts] of told) {
        for (const [key, wanted] of counts) {
          const found = heard.get(`${node} ${key}`) ?? 0
          if (found > wanted && !excused.has(node))
            rules.broken(
              'a journal entry counts once',
              `${node}: "${key}" was said ${wanted} times, the hub has ${found}`,
            )
          if (found < wanted - (missable.get(`${node} ${key}`) ?? 0) && !mayMiss(node))
            rules.broken(
              'every journal entry arrives',
              `${node}: "${key}" was said ${wanted} times, the hub has ${found}`,
            )
        }
      }
    },
  }
}
