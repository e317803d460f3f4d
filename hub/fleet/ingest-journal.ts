// ingest-journal.ts - turns a device's journal into Events: in order, each once in effect, acknowledged when it is on the disk
import { rfc3339, writableMs } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { JournalEntry } from '../../shared/protocol/messages.ts'
import type { Objects } from '../store/objects.ts'
import { referenceTo, type EventRecorder, type Occurrence } from '../store/events.ts'
import type { Store } from '../store/store.ts'
import { AGENT_COMPONENT } from './components.ts'

/** "journal:sequence number" up to which the journal is in the store; survives the hub, so that a repeat changes nothing. */
export const JOURNAL_ANNOTATION = 'holdfast.dev/journal'

/** On an event of a device whose clock nobody had set: the time that it believed in. The event's own times are the hub's. */
export const CLOCK_NOT_SET_ANNOTATION = 'holdfast.dev/clock-not-set'

export interface JournalIngest {
  /** Resolves with the number to acknowledge, once everything up to it would survive a power cut. */
  take(node: string, journal: string, entries: readonly JournalEntry[]): Promise<number>
}

export interface JournalIngestDeps {
  store: Store
  objects: Objects
  events: Pick<EventRecorder, 'record'>
}

export function createJournalIngest({ store, objects, events }: JournalIngestDeps): JournalIngest {
  const save = (node: string, journal: string, seq: number) =>
    objects.modify(NODE, undefined, node, (current) => {
      const annotations = { ...current.metadata.annotations, [JOURNAL_ANNOTATION]: `${journal}:${seq}` }
      return { ...current, metadata: { ...current.metadata, annotations } }
    })

  return {
    async take(name, journal, entries) {
      const node = objects.get(NODE, undefined, name)
      if (!node) throw new Error(`there is no node ${name}`)
      const mark = markOf(node)
      // One that was lost with the disk of its device counts anew.
      let seq = mark.journal === journal ? mark.seq : 0
      // Events and number together: a crash between the two would tell everything twice.
      store.transact(() => {
        for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) {
          if (entry.seq <= seq) continue
          events.record(occurrenceOf(node, entry))
          seq = entry.seq
        }
        save(name, journal, seq)
      })
      await store.durable()
      return seq
    },
  }

  function occurrenceOf(node: Node, { body, atMs, clockSet }: JournalEntry): Occurrence {
    const host = node.metadata.name
    const time = timeOf(atMs, clockSet)
    const seen = { about: referenceTo(node), component: AGENT_COMPONENT, host, isJournal: true, ...time }
    if (body.kind === 'gap') {
      const message = `${body.dropped} entries are lost: the journal was full while the hub could not be reached`
      return { ...seen, severity: 'Warning', reason: 'JournalGap', message }
    }
    const { severity, reason, message } = body
    if (!body.pod) return { ...seen, severity, reason, message }
    const { namespace, name, uid, fieldPath } = body.pod
    const pod = objects.get(POD, namespace, name)
    if (pod?.metadata.uid === uid && pod.spec.nodeName === host) {
      return { ...seen, about: referenceTo(pod, fieldPath), severity, reason, message }
    }
    // Gone, or never this node's: nobody can tell which, so it is told as something that the node says.
    return { ...seen, severity, reason, message: `pod ${namespace}/${name}: ${message}` }
  }
}

function timeOf(saidMs: number, clockSet: boolean): Pick<Occurrence, 'atMs' | 'annotations'> {
  const atMs = writableMs(saidMs)
  return clockSet ? { atMs } : { annotations: { [CLOCK_NOT_SET_ANNOTATION]: rfc3339(atMs) } }
}

function markOf(node: Node): { journal: string; seq: number } {
  const [, journal = '', seq] = /^([\w-]+):(\d+)$/.exec(node.metadata.annotations?.[JOURNAL_ANNOTATION] ?? '') ?? []
  return { journal, seq: Number(seq ?? 0) }
}
