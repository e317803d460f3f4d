// service-account.ts - the row for ServiceAccounts
import { AGE, column, NAME } from './columns.ts'
import { defineKind } from './define.ts'
import type { ServiceAccount } from './object.ts'

export const SERVICE_ACCOUNT = defineKind<ServiceAccount>({
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  subresources: { token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] } },
  columns: [NAME, column<ServiceAccount>('Secrets', ({ secrets }) => String(secrets?.length ?? 0)), AGE],
})
