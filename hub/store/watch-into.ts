// watch-into.ts - turns what is in the store, and every change of it, into keys for a reconcile loop
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { KeySource } from './reconcile-loop.ts'
import type { Change, Store } from './store.ts'

/** What is there when the loop starts is told as ADDED. Look at `change.previous` too when a key can move between owners. */
export function watchInto<T extends KubeObject>(
  store: Store,
  kind: Kind<T>,
  keysOf: (change: Change<T>) => Iterable<string>,
): KeySource {
  return {
    start(add) {
      const revision = store.revision
      const tell = (change: Change<T>) => {
        for (const key of keysOf(change)) add(key)
      }
      for (const object of store.list(kind)) tell({ type: 'ADDED', revision, kind, object })
      return store.watch(kind, revision, tell)
    },
  }
}
