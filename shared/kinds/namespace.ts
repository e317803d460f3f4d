// namespace.ts - the row for namespaces
import { dnsLabelError } from '../names.ts'
import { AGE, column, NAME } from './columns.ts'
import { defineKind, pathFields, statusPart } from './define.ts'
import type { Namespace } from './object.ts'

export const NAMESPACE = defineKind<Namespace>({
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  nameError: dnsLabelError,
  subresources: { ...statusPart('Namespace'), finalize: { kind: 'Namespace', verbs: ['update'] } },
  selectableFields: pathFields('status.phase'),
  columns: [NAME, column<Namespace>('Status', (namespace) => namespace.status?.phase ?? 'Active'), AGE],
  setDefaults(namespace) {
    const { name, labels } = namespace.metadata
    if (name) namespace.metadata.labels = { ...labels, 'kubernetes.io/metadata.name': name }
    namespace.spec ??= {}
    // Deletion waits for this one until everything inside is gone; once it is going, nobody gives it back.
    if (!namespace.metadata.deletionTimestamp) namespace.spec.finalizers ??= ['kubernetes']
    namespace.status ??= {}
    namespace.status.phase ??= 'Active'
  },
  carryOver(next, old) {
    next.spec ??= {}
    next.spec.finalizers ??= old.spec?.finalizers
  },
})
