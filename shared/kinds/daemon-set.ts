// daemon-set.ts - the row for DaemonSets
import { AGE, column, labelText, NAME, number, TEMPLATE_COLUMNS } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import type { DaemonSet } from './object.ts'
import { invalidValue, type Cause } from './status-error.ts'
import { countOrPercentCauses, isZeroCount, nonNegative, oneOf } from './field-rules.ts'
import { setTemplateDefaults, templateWarnings, workloadCauses } from './workload.ts'

export const DAEMON_SET = defineKind<DaemonSet>({
  group: 'apps',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: statusPart('DaemonSet'),
  columns: [
    NAME,
    number<DaemonSet>('Desired', ({ status }) => status?.desiredNumberScheduled),
    number<DaemonSet>('Current', ({ status }) => status?.currentNumberScheduled),
    number<DaemonSet>('Ready', ({ status }) => status?.numberReady),
    number<DaemonSet>('Up-to-date', ({ status }) => status?.updatedNumberScheduled),
    number<DaemonSet>('Available', ({ status }) => status?.numberAvailable),
    column<DaemonSet>('Node Selector', ({ spec }) => labelText(spec?.template?.spec?.nodeSelector)),
    AGE,
    ...TEMPLATE_COLUMNS,
  ],
  setDefaults(daemons) {
    daemons.spec ??= { selector: {}, template: {} }
    const { spec } = daemons
    setTemplateDefaults(spec)
    spec.revisionHistoryLimit ??= 10
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ||= 'RollingUpdate'
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate = { maxSurge: 0, maxUnavailable: 1, ...spec.updateStrategy.rollingUpdate }
    }
    const none = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 }
    daemons.status = { ...none, ...daemons.status }
  },
  validate: ({ spec }, old) => [
    ...workloadCauses(spec, old?.spec, { kindName: 'daemonset' }),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ...strategyCauses(spec.updateStrategy),
  ],
  warnings: templateWarnings,
})

function strategyCauses(strategy: DaemonSet['spec']['updateStrategy']): Cause[] {
  const at = 'spec.updateStrategy'
  const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {}
  const isRolling = strategy?.type === 'RollingUpdate'
  const isBothZero = isRolling && isZeroCount(maxSurge) && isZeroCount(maxUnavailable)
  const isBothSet = isRolling && !isZeroCount(maxSurge) && !isZeroCount(maxUnavailable)
  return [
    ...oneOf(strategy?.type, `${at}.type`, ['RollingUpdate', 'OnDelete']),
    ...countOrPercentCauses(maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...countOrPercentCauses(maxSurge, `${at}.rollingUpdate.maxSurge`),
    ...(isBothZero
      ? [invalidValue(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable ?? 0, 'cannot be 0 when maxSurge is 0')]
      : []),
    ...(isBothSet
      ? [invalidValue(`${at}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')]
      : []),
  ]
}
