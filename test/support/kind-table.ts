// kind-table.ts - a table of just the kinds that a test is about
import type { KindTable } from '../../hub/controllers/kind-table.ts'
import { apiVersionOf, type Kind } from '../../shared/kinds/kind.ts'

export const kindTable = (...kinds: readonly Kind[]): KindTable => ({
  all: () => kinds,
  byKind: (apiVersion, name) => kinds.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion),
})
