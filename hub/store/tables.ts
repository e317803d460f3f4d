// tables.ts - one table per resource; a kind that is registered again (a CustomResourceDefinition that changed) keeps its objects
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { IndexName, Reader } from './store.ts'
import { createTable, type Table } from './table.ts'

export interface Tables {
  of(kind: Kind): Table
  byResource(resource: string): Table
}

export function createTables(): Tables {
  const tables = new Map<string, Table>()
  function byResource(resource: string): Table {
    let table = tables.get(resource)
    if (!table) tables.set(resource, (table = createTable()))
    return table
  }
  return { byResource, of: (kind) => byResource(resourceName(kind)) }
}

/** The casts say: what is stored under a kind's resource has the type that the kind's row promises. */
export function readTables(tables: Tables): Reader {
  return {
    get: <T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string) =>
      tables.of(kind).get(namespace, name) as T | undefined,
    list: <T extends KubeObject>(kind: Kind<T>, namespace?: string) => tables.of(kind).list(namespace) as readonly T[],
    by: <T extends KubeObject>(kind: Kind<T>, index: IndexName, value: string) =>
      tables.of(kind).by(index, value) as readonly T[],
  }
}
