// crd.ts - custom kinds come and go with their definitions: rows in the table of kinds, conditions, and what is left when one is deleted
import { rfc3339, type Clock } from '../../shared/clock.ts'
import { customKinds } from '../../shared/kinds/custom.ts'
import {
  CUSTOM_RESOURCE_DEFINITION,
  type CustomResourceDefinition,
} from '../../shared/kinds/custom-resource-definition.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { Registry } from '../../shared/kinds/registry.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import type { Objects } from '../store/objects.ts'
import { createReconcileLoop } from '../store/reconcile-loop.ts'
import type { Store } from '../store/store.ts'
import { storedKind } from '../store/stored-version.ts'
import { watchInto } from '../store/watch-into.ts'
import { definitionStatus, isAccepted, nameClash } from './crd-status.ts'

export interface CustomKindsDeps {
  store: Store
  objects: Objects
  registry: Registry
  clock: Clock
  log: Log
  random: Random
}

/** Holds a definition until its objects are gone, as upstream's does. */
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'
/** Deleted in one turn: more would keep API requests waiting. */
const DELETED_AT_ONCE = 256
/** Objects whose finalizers wait for somebody are looked at again. */
const STILL_THERE_AGAIN_MS = 1_000

interface Served {
  /** The rows are made again when what they are made from changes. */
  generation: number | undefined
  rows: readonly Kind[]
}

export function createCustomKinds({ store, objects, registry, clock, log, random }: CustomKindsDeps): Service {
  const served = new Map<string, Served>()

  function withdraw(name: string) {
    for (const row of served.get(name)?.rows ?? []) registry.remove(row)
    served.delete(name)
  }

  function serve(definition: CustomResourceDefinition) {
    const { name, generation } = definition.metadata
    const known = served.get(name)
    if (known && known.generation === generation) return
    if (nameClash(definition, registry, known?.rows ?? [])) return withdraw(name)
    const rows = customKinds(definition)
    const isKept = (row: Kind) =>
      rows.some(({ version, plural, group }) => row.version === version && row.plural === plural && row.group === group)
    for (const row of known?.rows ?? []) if (!isKept(row)) registry.remove(row)
    for (const row of rows) registry.add(row)
    served.set(name, { generation, rows })
  }

  function tell(definition: CustomResourceDefinition) {
    const rows = served.get(definition.metadata.name)?.rows ?? []
    const clash = nameClash(definition, registry, rows)
    const time = rfc3339(clock.wallMs())
    objects.modify(
      CUSTOM_RESOURCE_DEFINITION,
      undefined,
      definition.metadata.name,
      (current) => ({ ...current, status: definitionStatus(current, clash, time) }),
      { subresource: 'status' },
    )
  }

  function hold(definition: CustomResourceDefinition) {
    if (definition.metadata.finalizers?.includes(CLEANUP)) return
    changeFinalizers(definition, (finalizers) => [...finalizers, CLEANUP])
  }

  function changeFinalizers({ metadata }: KubeObject, change: (finalizers: readonly string[]) => readonly string[]) {
    objects.modify(CUSTOM_RESOURCE_DEFINITION, undefined, metadata.name, (current) => ({
      ...current,
      metadata: { ...current.metadata, finalizers: change(current.metadata.finalizers ?? []) },
    }))
  }

  /** The definition goes when nothing of its kind is left. */
  function cleanUp(definition: CustomResourceDefinition) {
    if (!definition.metadata.finalizers?.includes(CLEANUP)) return undefined
    const [row] = served.get(definition.metadata.name)?.rows ?? customKinds(definition)
    const left = row ? store.list(storedKind(row)) : []
    if (!row || left.length === 0) {
      changeFinalizers(definition, (finalizers) => finalizers.filter((finalizer) => finalizer !== CLEANUP))
      return undefined
    }
    const toDelete = left.filter(({ metadata }) => !metadata.deletionTimestamp).slice(0, DELETED_AT_ONCE)
    for (const { metadata } of toDelete) objects.delete(row, metadata.namespace, metadata.name)
    return { againAfterMs: toDelete.length > 0 ? 0 : STILL_THERE_AGAIN_MS }
  }

  /** Names that one gives up are free for another of its group, which has waited for them. */
  function wakeOthers(group: string) {
    for (const { spec, metadata } of store.list(CUSTOM_RESOURCE_DEFINITION))
      if (spec.group === group && !served.has(metadata.name)) loop.add(metadata.name)
  }

  function reconcile(name: string) {
    const before = served.get(name)
    const outcome = bringUpToDate(name)
    const [row] = before?.rows ?? []
    if (row && served.get(name) !== before) wakeOthers(row.group)
    return outcome
  }

  function bringUpToDate(name: string) {
    const definition = store.get(CUSTOM_RESOURCE_DEFINITION, undefined, name)
    if (!definition) return withdraw(name)
    serve(definition)
    if (definition.metadata.deletionTimestamp) return cleanUp(definition)
    hold(definition)
    tell(definition)
    return undefined
  }

  const loop = createReconcileLoop({
    name: 'custom-kinds',
    clock,
    log,
    random,
    watch: [watchInto(store, CUSTOM_RESOURCE_DEFINITION, ({ object }) => [object.metadata.name])],
    reconcile,
  })
  return {
    start() {
      // Before the first request: a client that comes back after a restart must find its kinds.
      const definitions = store.list(CUSTOM_RESOURCE_DEFINITION)
      // Who had the names keeps them.
      for (const definition of definitions.filter(isAccepted)) serve(definition)
      for (const definition of definitions) serve(definition)
      return loop.start()
    },
    stop: () => loop.stop(),
  }
}
