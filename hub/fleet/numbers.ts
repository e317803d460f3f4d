// numbers.ts - the last number that each node's desired state was given; written before it is used, so that a lost history shows
import type { KubeObject } from '../../shared/kinds/object.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Store } from '../store/store.ts'
import type { Held } from './sessions.ts'

/** One row a node, below the API: nobody but the fleet has a use for it. */
interface NumberRow extends KubeObject {
  spec: Held & {
    /** The epoch in which the hub has last accounted for all that this device holds. */
    settledIn: number
  }
}

const NUMBERS: Kind<NumberRow> = {
  group: 'holdfast.dev',
  version: 'v1',
  kind: 'DesiredNumber',
  plural: 'desirednumbers',
  singular: 'desirednumber',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: [],
  subresources: {},
  hasStatus: false,
  columns: [],
  selectableFields: {},
}

export interface Numbered extends Held {
  settledIn: number
}

export interface Numbers {
  /** Undefined: the hub remembers to have given this node nothing. */
  last(node: string): Numbered | undefined
  /**
   * The next number: the revision of the very write that remembers it, so that no two states ever share one. Above what
   * the device says that it had, which moves its own numbers alone: nobody has to believe it.
   */
  issue(node: string, epoch: number, above?: Held): Held
  /** All that the device holds, up to this number, is in the store. */
  settle(node: string, epoch: number, held: Held): void
  forget(node: string): void
}

export function createNumbers(store: Store): Numbers {
  const row = (node: string) => store.get(NUMBERS, undefined, node)
  const write = (node: string, spec: NumberRow['spec']) =>
    store.transact((tx) =>
      tx.put(NUMBERS, {
        apiVersion: 'holdfast.dev/v1',
        kind: NUMBERS.kind,
        metadata: { name: node, uid: `number-of-${node}`, resourceVersion: '', creationTimestamp: '' },
        spec,
      }),
    )
  return {
    last: (node) => row(node)?.spec,
    issue: (node, epoch, above) =>
      store.transact(() => {
        const floors = [row(node)?.spec, above].filter((floor) => floor !== undefined)
        const number = {
          epoch: Math.max(epoch, ...floors.map((floor) => floor.epoch)),
          revision: Math.max(store.revision, ...floors.map((floor) => floor.revision)) + 1,
        }
        write(node, { ...number, settledIn: epoch })
        return number
      }),
    settle(node, epoch, { epoch: heldEpoch, revision }) {
      write(node, { epoch: heldEpoch, revision, settledIn: epoch })
    },
    forget(node) {
      const found = row(node)
      if (found) store.transact((tx) => tx.remove(NUMBERS, found))
    },
  }
}
