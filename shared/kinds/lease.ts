// lease.ts - the row for Leases
import { AGE, column, NAME } from './columns.ts'
import { defineKind } from './define.ts'
import type { Lease } from './object.ts'
import { invalidValue, type Cause } from './status-error.ts'
import { nonNegative } from './field-rules.ts'

export const LEASE = defineKind<Lease>({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
  columns: [NAME, column<Lease>('Holder', ({ spec }) => spec?.holderIdentity ?? ''), AGE],
  setDefaults(lease) {
    lease.spec ??= {}
  },
  validate: ({ spec }) => [
    ...durationCauses(spec?.leaseDurationSeconds),
    ...nonNegative(spec?.leaseTransitions, 'spec.leaseTransitions'),
  ],
})

const durationCauses = (seconds: number | undefined): Cause[] =>
  seconds !== undefined && seconds <= 0
    ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]
    : []
