// registry.ts - the table of kinds that are served now; custom kinds come and go while the hub runs
import { apiVersionOf, type Kind } from './kind.ts'

export interface Registry {
  /** In the order of discovery. */
  all(): readonly Kind[]
  find(group: string, version: string, plural: string): Kind | undefined
  byKind(apiVersion: string, kind: string): Kind | undefined
  /** The preferred version: the first that was added. */
  byResource(group: string, plural: string): Kind | undefined
  /** Group names with their versions, both in the order of discovery. */
  groups(): ReadonlyMap<string, readonly string[]>
  /** Replaces a row of the same group, version and plural, in its place. */
  add(row: Kind): void
  remove(row: Kind): void
  /** Called after each change; the answer ends it. */
  onChange(listener: () => void): () => void
}

export function createRegistry(rows: readonly Kind[]): Registry {
  const byPath = new Map<string, Kind>()
  const listeners = new Set<() => void>()
  const pathOf = (row: Pick<Kind, 'group' | 'version' | 'plural'>) => `${row.group}/${row.version}/${row.plural}`
  const tell = () => {
    for (const listener of listeners) listener()
  }
  const all = () => [...byPath.values()]
  for (const row of rows) byPath.set(pathOf(row), row)
  return {
    all,
    find: (group, version, plural) => byPath.get(pathOf({ group, version, plural })),
    byKind: (apiVersion, kind) => all().find((row) => row.kind === kind && apiVersionOf(row) === apiVersion),
    byResource: (group, plural) => all().find((row) => row.group === group && row.plural === plural),
    groups() {
      const versions = new Map<string, string[]>()
      for (const { group, version } of byPath.values()) {
        const known = versions.get(group) ?? []
        if (!known.includes(version)) versions.set(group, [...known, version])
      }
      return versions
    },
    add(row) {
      byPath.set(pathOf(row), row)
      tell()
    },
    remove(row) {
      if (byPath.delete(pathOf(row))) tell()
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
