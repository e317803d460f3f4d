// controller-revision.ts - the row for ControllerRevisions: the history of DaemonSets (and later StatefulSets)
import { canonicalJson } from '../hash.ts'
import { AGE, column, NAME, NONE, number } from './columns.ts'
import { defineKind } from './define.ts'
import type { ControllerRevision } from './object.ts'
import { immutableField, type Cause } from './status-error.ts'
import { nonNegative } from './field-rules.ts'

export const CONTROLLER_REVISION = defineKind<ControllerRevision>({
  group: 'apps',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  columns: [
    NAME,
    column<ControllerRevision>('Controller', controllerText),
    number<ControllerRevision>('Revision', ({ revision }) => revision),
    AGE,
  ],
  validate: (next, old) => [...nonNegative(next.revision, 'revision'), ...dataCauses(next, old)],
})

function controllerText({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (!owner) return NONE
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : []
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ''}/${owner.name}`
}

const dataCauses = (next: ControllerRevision, old: ControllerRevision | undefined): Cause[] =>
  old && canonicalJson(old.data) !== canonicalJson(next.data) ? [immutableField('data', next.data)] : []
