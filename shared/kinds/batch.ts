// batch.ts - the rows for Jobs and CronJobs
import type { CronJobSpec, CronJobStatus, JobSpec, JobStatus } from 'kubernetes-types/batch/v1.js'
import { canonicalJson } from '../hash.ts'
import { ageOf, humanDuration } from '../human-duration.ts'
import { dnsSubdomainError, type NameCheck } from '../names.ts'
import { AGE, column, NAME, NONE, number, TEMPLATE_COLUMNS, wide } from './columns.ts'
import { atPath, defineKind, statusPart } from './define.ts'
import { nonNegative, oneOf } from './field-rules.ts'
import type { Of } from './object.ts'
import { podSpecWarnings } from './pod-warnings.ts'
import { immutableField, invalidValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'
import { setTemplateDefaults, templateCauses, templateWarnings } from './workload.ts'

export type Job = Of<JobSpec, JobStatus>
export type CronJob = Of<CronJobSpec, CronJobStatus>

export const JOB = defineKind<Job>({
  group: 'batch',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  isStoredOnly: true,
  subresources: statusPart('Job'),
  selectableFields: { 'status.successful': (job) => atPath(job, 'status.succeeded') ?? 0 },
  columns: [
    NAME,
    column<Job>('Status', statusText),
    column<Job>('Completions', completionsText),
    column<Job>('Duration', durationText),
    AGE,
    ...TEMPLATE_COLUMNS,
  ],
  setDefaults(job) {
    job.spec ??= { template: {} }
    setTemplateDefaults(job.spec)
    selectOwnPods(job)
    setJobDefaults(job.spec)
  },
  carryOver({ spec: next }, { spec: old }) {
    next.selector ??= old.selector
    next.template ??= {}
    next.template.metadata ??= {}
    next.template.metadata.labels = { ...old.template.metadata?.labels, ...next.template.metadata.labels }
  },
  validate: ({ spec }, old) => [...jobCauses(spec, 'spec'), ...(old ? jobUpdateCauses(spec, old.spec) : [])],
  warnings: templateWarnings,
})

function setJobDefaults(spec: JobSpec): void {
  // Without either, one pod that succeeds is enough; with only completions, one at a time.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= 6
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
}

/** Every job tells its pods by its own uid, so that no other job's pods are taken for its own. */
function selectOwnPods({ metadata, spec }: Job): void {
  if (spec.manualSelector || spec.selector || !metadata.uid) return
  const names = { 'controller-uid': metadata.uid, 'job-name': metadata.name }
  const labels = {
    ...names,
    'batch.kubernetes.io/controller-uid': metadata.uid,
    'batch.kubernetes.io/job-name': metadata.name,
  }
  spec.template.metadata ??= {}
  spec.template.metadata.labels = { ...spec.template.metadata.labels, ...labels }
  spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': metadata.uid } }
}

const RESTART_POLICIES = ['OnFailure', 'Never']

function jobCauses(spec: JobSpec | undefined, at: string): Cause[] {
  const policy = spec?.template?.spec?.restartPolicy
  const isIndexedForever = spec?.completionMode === 'Indexed' && spec.completions === undefined
  const counts = [
    'parallelism',
    'completions',
    'backoffLimit',
    'activeDeadlineSeconds',
    'ttlSecondsAfterFinished',
  ] as const
  return [
    ...templateCauses(spec?.template, `${at}.template`),
    ...(policy && RESTART_POLICIES.includes(policy)
      ? []
      : [unsupportedValue(`${at}.template.spec.restartPolicy`, policy ?? '', RESTART_POLICIES)]),
    ...counts.flatMap((field) => nonNegative(spec?.[field], `${at}.${field}`)),
    ...oneOf(spec?.completionMode, `${at}.completionMode`, ['Indexed', 'NonIndexed']),
    ...(isIndexedForever ? [requiredValue(`${at}.completions`, 'when completion mode is Indexed')] : []),
  ]
}

function jobUpdateCauses(next: JobSpec, old: JobSpec): Cause[] {
  const fields = ['completions', 'selector', 'template', 'completionMode'] as const
  const mayChange = (field: string) => field === 'template' && old.suspend === true
  return fields
    .filter((field) => !mayChange(field) && canonicalJson(next[field] ?? null) !== canonicalJson(old[field] ?? null))
    .map((field) => immutableField(`spec.${field}`, next[field]))
}

function statusText({ metadata, spec, status }: Job): string {
  const has = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True')
  if (has('Complete')) return 'Complete'
  if (has('Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  if (has('Suspended') || spec?.suspend) return 'Suspended'
  if (has('FailureTarget')) return 'FailureTarget'
  return has('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running'
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  return (spec?.parallelism ?? 0) > 1 ? `${succeeded}/1 of ${spec?.parallelism}` : `${succeeded}/1`
}

function durationText({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return ''
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs
  return humanDuration(endMs - Date.parse(status.startTime))
}

/** The controller adds eleven characters for the names of its jobs. */
const CRON_NAME_MAX = 52
const cronNameError: NameCheck = (text) =>
  text.length > CRON_NAME_MAX ? `must be no more than ${CRON_NAME_MAX} characters` : dnsSubdomainError(text)

const cronContainers = ({ spec }: CronJob) => spec?.jobTemplate?.spec?.template?.spec?.containers ?? []

export const CRON_JOB = defineKind<CronJob>({
  group: 'batch',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  nameError: cronNameError,
  isStoredOnly: true,
  subresources: statusPart('CronJob'),
  columns: [
    NAME,
    column<CronJob>('Schedule', ({ spec }) => spec?.schedule),
    column<CronJob>('Timezone', ({ spec }) => spec?.timeZone ?? NONE),
    column<CronJob>('Suspend', ({ spec }) => (spec?.suspend ? 'True' : 'False')),
    number<CronJob>('Active', ({ status }) => status?.active?.length),
    column<CronJob>('Last Schedule', ({ status }, nowMs) =>
      status?.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : NONE,
    ),
    AGE,
    wide<CronJob>('Containers', (cron) =>
      cronContainers(cron)
        .map(({ name }) => name)
        .join(','),
    ),
    wide<CronJob>('Images', (cron) =>
      cronContainers(cron)
        .map(({ image }) => image)
        .join(','),
    ),
    wide<CronJob>('Selector', () => NONE),
  ],
  setDefaults({ spec }) {
    if (!spec) return
    spec.concurrencyPolicy ??= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    if (spec.jobTemplate?.spec) setTemplateDefaults(spec.jobTemplate.spec)
  },
  validate: ({ spec }) => [
    ...scheduleCauses(spec?.schedule),
    ...oneOf(spec?.concurrencyPolicy, 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace']),
    ...nonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
    ...nonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
    ...nonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
    ...jobCauses(spec?.jobTemplate?.spec, 'spec.jobTemplate.spec'),
  ],
  warnings: ({ spec }) =>
    podSpecWarnings(spec?.jobTemplate?.spec?.template?.spec, 'spec.jobTemplate.spec.template.spec'),
})

const MACRO = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \d{1,9}(ns|us|ms|s|m|h))$/
const CRON_FIELD = /^[\d*/,\-?A-Za-z]{1,100}$/

function scheduleCauses(schedule: string | undefined): Cause[] {
  if (!schedule) return [requiredValue('spec.schedule')]
  if (schedule.includes('TZ'))
    return [invalidValue('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')]
  const fields = schedule.trim().split(/\s+/)
  if (MACRO.test(schedule) || (fields.length === 5 && fields.every((field) => CRON_FIELD.test(field)))) return []
  return [
    invalidValue(
      'spec.schedule',
      schedule,
      `expected exactly 5 fields, found ${fields.length}: ${JSON.stringify(fields)}`,
    ),
  ]
}
