// store.ts - a started store for tests, its disk in memory unless one is given; and the kinds and objects that tests of it use
import { systemClock } from '../../shared/clock.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { createMemoryJournal } from '../../hub/store/memory-journal.ts'
import { createMemoryStore, type MemoryStore, type MemoryStoreDeps } from '../../hub/store/memory-store.ts'

/** The caller stops it: `t.teardown(() => store.stop())`. */
export async function startedStore(deps: Partial<MemoryStoreDeps> = {}): Promise<MemoryStore> {
  const store = createMemoryStore({
    journal: createMemoryJournal({ random: systemRandom }),
    clock: systemClock,
    log: silentLog,
    onFatal(error) {
      throw error
    },
    ...deps,
  })
  await store.start()
  return store
}

/** A row of the table of kinds, for tests that need a kind but not a real one. */
export const testKind = (kind: Partial<Kind> & Pick<Kind, 'kind' | 'plural'>): Kind => ({
  group: '',
  version: 'v1',
  singular: kind.kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: {},
  hasStatus: false,
  columns: [],
  selectableFields: {},
  ...kind,
})

export const CONFIG_MAPS = testKind({ kind: 'ConfigMap', plural: 'configmaps' })
export const PODS = testKind({ kind: 'Pod', plural: 'pods', hasStatus: true, stopsGracefully: true })
export const NAMESPACES = testKind({ kind: 'Namespace', plural: 'namespaces', namespaced: false, hasStatus: true })
export const NODES = testKind({ kind: 'Node', plural: 'nodes', namespaced: false, hasStatus: true })
export const DEPLOYMENTS = testKind({ group: 'apps', kind: 'Deployment', plural: 'deployments', hasStatus: true })
export const REPLICA_SETS = testKind({ group: 'apps', kind: 'ReplicaSet', plural: 'replicasets', hasStatus: true })

/** As stored: with the metadata that the server would have given. */
export function storedObject(kind: Kind, name: string, rest: { namespace?: string; data?: unknown } = {}): KubeObject {
  const { namespace = kind.namespaced ? 'default' : undefined, ...fields } = rest
  const metadata = { name, uid: `uid-of-${name}`, resourceVersion: '', creationTimestamp: '2026-11-20T12:00:00Z' }
  return {
    apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
    kind: kind.kind,
    metadata: { ...metadata, ...(namespace && { namespace }) },
    ...fields,
  }
}
