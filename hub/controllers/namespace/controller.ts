// controller.ts - namespaces: those that the hub needs are there, and one that goes takes its content with it
import { rfc3339, type Clock } from '../../../shared/clock.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import type { Namespace } from '../../../shared/kinds/object.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import type { Objects } from '../../store/objects.ts'
import { createReconcileLoop, type KeySource, type Outcome, type ReconcileLoop } from '../../store/reconcile-loop.ts'
import type { Store } from '../../store/store.ts'
import { watchInto } from '../../store/watch-into.ts'
import { storedKinds, type KindTable } from '../kind-table.ts'
import { keepTimes, remainingConditions, type Remaining } from './remaining.ts'

export interface NamespaceControllerDeps {
  store: Store
  objects: Objects
  kinds: KindTable
  clock: Clock
  random: Random
  log: Log
}

/** Clients take these for granted in every cluster. */
export const REQUIRED_NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/** Deleting is quick, but a namespace with ten thousand objects must not hold the API up. */
const DELETES_PER_TURN = 500
const NEXT_TURN_MS = 10

export function createNamespaceController(deps: NamespaceControllerDeps): ReconcileLoop {
  const { store, objects, kinds, clock } = deps

  function contentOf(namespace: string): Remaining[] {
    const namespaced = [...storedKinds(kinds).values()].filter((kind) => kind.namespaced)
    return namespaced.map((kind) => ({ kind, objects: objects.list(kind, namespace) }))
  }

  /** Says how many it has asked to go. */
  function deleteContent(content: readonly Remaining[]): number {
    const staying = content.flatMap(({ kind, objects: all }) =>
      all.filter((object) => !object.metadata.deletionTimestamp).map((object) => ({ kind, object })),
    )
    const now = staying.slice(0, DELETES_PER_TURN)
    for (const { kind, object } of now) objects.delete(kind, object.metadata.namespace, object.metadata.name)
    return now.length
  }

  function tell(namespace: Namespace, remaining: readonly Remaining[]) {
    const conditions = remainingConditions(remaining, rfc3339(clock.wallMs()))
    const status = { ...namespace.status, conditions: keepTimes(conditions, namespace.status?.conditions) }
    objects.update(NAMESPACE, { ...namespace, status }, { subresource: 'status' })
  }

  function empty(namespace: Namespace): Outcome {
    const { name } = namespace.metadata
    const deleted = deleteContent(contentOf(name))
    const remaining = contentOf(name)
    if (remaining.every((each) => each.objects.length === 0)) return finalize(name)
    tell(namespace, remaining)
    return deleted === DELETES_PER_TURN ? { againAfterMs: NEXT_TURN_MS } : undefined
  }

  function finalize(name: string) {
    const released = (namespace: Namespace) => ({ ...namespace, spec: { ...namespace.spec, finalizers: [] } })
    objects.modify(NAMESPACE, undefined, name, released, { subresource: 'finalize' })
  }

  function reconcile(name: string): Outcome {
    const namespace = objects.get(NAMESPACE, undefined, name)
    if (namespace?.metadata.deletionTimestamp) return empty(namespace)
    if (!namespace && REQUIRED_NAMESPACES.includes(name)) {
      objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} })
    }
    return undefined
  }

  const required: KeySource = {
    /** At once, not in a later turn: what starts after this writes into them. */
    start() {
      for (const name of REQUIRED_NAMESPACES) void reconcile(name)
      return () => undefined
    },
  }

  /** Whatever happens inside a namespace that goes may have been the last thing in it. */
  const content: KeySource = {
    start: (add) =>
      store.watchAll(store.revision, ({ object }) => {
        const { namespace } = object.metadata
        if (namespace && objects.get(NAMESPACE, undefined, namespace)?.metadata.deletionTimestamp) add(namespace)
      }),
  }

  const namespaces = watchInto(store, NAMESPACE, ({ object }) => [object.metadata.name])
  return createReconcileLoop({ ...deps, name: 'namespace', watch: [required, namespaces, content], reconcile })
}
