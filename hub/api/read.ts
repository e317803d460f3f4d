// read.ts - get and list: one object, or a page of many that all show the same revision
import type { Kind } from '../../shared/kinds/kind.ts'
import type { JsonObject, KubeObject } from '../../shared/kinds/object.ts'
import { fieldFilter, labelFilter } from '../../shared/selectors.ts'
import { expired, notFound, StatusError } from '../../shared/kinds/status-error.ts'
import { tooLargeResourceVersion } from '../store/history.ts'
import type { Store } from '../store/store.ts'
import { storedKind } from '../store/stored-version.ts'
import { continueText, isAfter } from './continue-token.ts'
import { listOptions, type ListFrom } from './list-options.ts'
import { shownAs } from './stored.ts'

export interface Listed {
  items: readonly KubeObject[]
  metadata: JsonObject
  /** Must be durable before the list is shown. */
  revision: number
}

export interface Reads {
  get(kind: Kind, namespace: string | undefined, name: string): KubeObject
  list(kind: Kind, namespace: string | undefined, query: URLSearchParams): Listed
}

export function createReads({ store }: { store: Store }): Reads {
  function objectsAt(kind: Kind, namespace: string | undefined, at: ListFrom) {
    const stored = storedKind(kind)
    switch (at.from) {
      case 'now':
        return { revision: store.revision, objects: store.list(stored, namespace) }
      case 'not older than':
        if (at.revision > store.revision) throw tooLargeResourceVersion(at.revision, store.revision)
        return { revision: store.revision, objects: store.list(stored, namespace) }
      case 'exactly':
        return { revision: at.revision, objects: listAt(stored, namespace, at.revision, TOO_OLD) }
      case 'page':
        return { revision: at.page.revision, objects: listAt(stored, namespace, at.page.revision, CONTINUE_TOO_OLD) }
    }
  }

  function listAt(kind: Kind, namespace: string | undefined, revision: number, whenTooOld: string) {
    try {
      return store.listAt(kind, namespace, revision)
    } catch (error) {
      throw error instanceof StatusError && error.code === 410 ? expired(whenTooOld) : error
    }
  }

  return {
    get(kind, namespace, name) {
      const object = store.get(storedKind(kind), namespace, name)
      if (!object) throw notFound(kind, name)
      return shownAs(kind, object)
    },
    list(kind, namespace, query) {
      const { limit, at } = listOptions(query)
      const matches = objectFilter(kind, query)
      const { revision, objects } = objectsAt(kind, namespace, at)
      const rest = at.from === 'page' ? objects.filter((object) => isAfter(object, at.page)) : objects
      const matching = rest.map((object) => shownAs(kind, object)).filter(matches)
      const isFiltered = Boolean(query.get('labelSelector') || query.get('fieldSelector'))
      const page = pageOf(matching, limit, revision, isFiltered)
      return { ...page, revision }
    },
  }
}

function pageOf(matching: readonly KubeObject[], limit: number | undefined, revision: number, isFiltered: boolean) {
  const metadata: JsonObject = { resourceVersion: String(revision) }
  if (limit === undefined || matching.length <= limit) return { items: matching, metadata }
  const items = matching.slice(0, limit)
  metadata.continue = continueText(revision, items.at(-1)!)
  // Upstream leaves the number out of filtered lists, and clients rely on its being right when it is there.
  if (!isFiltered) metadata.remainingItemCount = matching.length - limit
  return { items, metadata }
}

/** By `labelSelector` and `fieldSelector`; throws 400. */
export function objectFilter(kind: Kind, query: URLSearchParams): (object: KubeObject) => boolean {
  const byLabels = labelFilter(query.get('labelSelector'))
  const byFields = fieldFilter(query.get('fieldSelector'), kind.selectableFields)
  return (object) => byLabels(object.metadata.labels) && byFields(object)
}

const TOO_OLD = 'The resourceVersion for the provided list is too old.'
const CONTINUE_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'
