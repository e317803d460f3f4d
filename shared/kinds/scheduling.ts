// scheduling.ts - the row for PriorityClasses
import type { PriorityClass as DeclaredClass } from 'kubernetes-types/scheduling/v1.js'
import { AGE, column, NAME, number } from './columns.ts'
import { defineKind } from './define.ts'
import { oneOf } from './field-rules.ts'
import type { KubeObject } from './object.ts'
import { forbiddenField, invalidValue } from './status-error.ts'

export type PriorityClass = KubeObject & Omit<DeclaredClass, keyof KubeObject>

/** Above it is only what the system itself runs. */
const USER_PRIORITY_MAX = 1_000_000_000

export const PRIORITY_CLASS = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  isStoredOnly: true,
  columns: [
    NAME,
    number<PriorityClass>('Value', ({ value }) => value),
    column<PriorityClass>('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }),
    AGE,
    column<PriorityClass>('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ],
  setDefaults(priority) {
    priority.value ??= 0
    priority.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  validate: (next, old) => [
    ...(next.value > USER_PRIORITY_MAX && !next.metadata.name?.startsWith('system-')
      ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`)]
      : []),
    ...oneOf(next.preemptionPolicy, 'preemptionPolicy', ['Never', 'PreemptLowerPriority']),
    ...(old && old.value !== next.value ? [invalidValue('value', next.value, 'may not be changed in an update.')] : []),
  ],
})
