// transactions.ts - writes to the tables, each under the next revision; a throw takes back everything since its transaction began
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { notFound } from '../../shared/kinds/status-error.ts'
import type { Written } from './commit-queue.ts'
import { deepFreeze } from './freeze.ts'
import { objectKey } from './keys.ts'
import type { Change, Transaction } from './store.ts'
import { readTables, type Tables } from './tables.ts'

export interface Transactions {
  readonly revision: number
  open(revision: number): void
  /** A transaction inside another joins it: its writes are kept when the outermost ends, its own throw takes back its own. */
  run<R>(work: (tx: Transaction) => R, record: (written: readonly Written[]) => void): R
}

export function createTransactions(tables: Tables): Transactions {
  let revision = 0
  let written: Written[] = []
  let depth = 0

  const tx: Transaction = {
    ...readTables(tables),
    put<T extends KubeObject>(kind: Kind<T>, object: T): T {
      const table = tables.of(kind)
      const previous = table.get(object.metadata.namespace, object.metadata.name)
      const stored = withRevision(object, revision + 1)
      const body = JSON.stringify(stored)
      deepFreeze(stored)
      table.set(stored)
      add(change(previous ? 'MODIFIED' : 'ADDED', kind, stored, previous), body)
      return stored
    },
    remove<T extends KubeObject>(kind: Kind<T>, object: T): T {
      const table = tables.of(kind)
      const previous = table.get(object.metadata.namespace, object.metadata.name)
      if (!previous) throw notFound(kind, object.metadata.name)
      const last = deepFreeze(withRevision(object, revision + 1))
      table.delete(previous)
      add(change('DELETED', kind, last, previous))
      return last
    },
  }

  const change = (type: Change['type'], kind: Kind, object: KubeObject, previous?: KubeObject): Change => ({
    type,
    revision: revision + 1,
    kind,
    object,
    ...(previous && { previous }),
  })

  function add(made: Change, body?: string) {
    revision = made.revision
    const row = { resource: resourceName(made.kind), key: objectKey(made.object), revision, ...(body && { body }) }
    written.push({ change: made, row })
  }

  function takeBack(mark: number) {
    for (let last = written.pop(); last; last = written.pop()) {
      undoChange(last.change)
      if (written.length === mark) return
    }
  }

  function undoChange({ kind, object, previous, revision: made }: Change) {
    const table = tables.of(kind)
    if (previous) table.set(previous)
    else table.delete(object)
    revision = made - 1
  }

  return {
    get revision() {
      return revision
    },
    open(start) {
      revision = start
    },
    run(work, record) {
      const mark = written.length
      depth++
      try {
        const result = work(tx)
        if (result instanceof Promise) throw new TypeError('a transaction is synchronous: do the waiting before it')
        if (depth === 1) record(written.splice(0))
        return result
      } catch (error) {
        if (written.length > mark) takeBack(mark)
        throw error
      } finally {
        depth--
      }
    },
  }
}

const withRevision = <T extends KubeObject>(object: T, revision: number): T => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
})
