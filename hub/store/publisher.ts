// publisher.ts - tells watchers of durable changes, in order; one that throws does not disturb the others
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { Log } from '../../shared/log.ts'
import type { Change, Unwatch } from './store.ts'

export interface Publisher {
  /** Without a kind: all of them. `replay` is told at once; nothing up to `since` is ever told. */
  subscribe(
    kind: Kind | undefined,
    since: number,
    replay: readonly Change[],
    onChange: (change: Change) => void,
  ): Unwatch
  publish(changes: readonly Change[]): void
  readonly counters: { readonly watchers: number; readonly told: number; readonly failed: number }
}

interface Watcher {
  toldRevision: number
  onChange(change: Change): void
}

const ALL = ''

export function createPublisher({ log }: { log: Log }): Publisher {
  const watchersOf = new Map<string, Set<Watcher>>()
  const count = { watchers: 0, told: 0, failed: 0 }

  function tell(watcher: Watcher, change: Change) {
    // A watcher that joins while changes are being told has had some of them from its replay.
    if (change.revision <= watcher.toldRevision) return
    watcher.toldRevision = change.revision
    try {
      watcher.onChange(change)
      count.told++
    } catch (error) {
      count.failed++
      log.error(
        { resource: resourceName(change.kind), revision: change.revision, error },
        'a watcher failed on a change',
      )
    }
  }

  return {
    subscribe(kind, since, replay, onChange) {
      const topic = kind ? resourceName(kind) : ALL
      const watcher: Watcher = { toldRevision: since, onChange }
      for (const change of replay) if (!kind || resourceName(change.kind) === topic) tell(watcher, change)
      watcher.toldRevision = Math.max(watcher.toldRevision, replay.at(-1)?.revision ?? since)
      let watchers = watchersOf.get(topic)
      if (!watchers) watchersOf.set(topic, (watchers = new Set()))
      watchers.add(watcher)
      count.watchers++
      return () => {
        const topicWatchers = watchersOf.get(topic)
        if (!topicWatchers?.delete(watcher)) return
        count.watchers--
        if (topicWatchers.size === 0) watchersOf.delete(topic)
      }
    },
    publish(changes) {
      for (const change of changes) {
        for (const topic of [resourceName(change.kind), ALL]) {
          for (const watcher of watchersOf.get(topic) ?? []) tell(watcher, change)
        }
      }
    },
    get counters() {
      return { ...count }
    },
  }
}
