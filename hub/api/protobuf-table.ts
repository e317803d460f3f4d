// protobuf-table.ts - the table of field numbers, parsed once, and the zeros that mean something
import { PROTOBUF_FIELDS } from './protobuf-fields.ts'

export interface Field {
  readonly name: string
  readonly type: string
  readonly shape: 'one' | 'list' | 'map' | 'inline'
}
export type Message = ReadonlyMap<number, Field>

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/**
 * Go writes the zero of a field that is not a pointer, so a zero usually means "left out". These are pointers, or
 * required, and their zero is the user's word.
 */
export const KEEP_ZERO = words(`
  activeDeadlineSeconds averageUtilization averageValue backoffLimit completions containerPort defaultMode exitCode
  failedJobsHistoryLimit fsGroup gracePeriodSeconds maxReplicas minReplicas mode parallelism partition port priority
  progressDeadlineSeconds replicas revision revisionHistoryLimit runAsGroup runAsUser seconds startingDeadlineSeconds
  succeededCount successfulJobsHistoryLimit terminationGracePeriodSeconds tolerationSeconds ttlSecondsAfterFinished value
  backoffLimitPerIndex maxFailedIndexes stabilizationWindowSeconds
`)
export const KEEP_FALSE = words(`
  allowPrivilegeEscalation allowed allocateLoadBalancerNodePorts automountServiceAccountToken blockOwnerDeletion
  controller enableServiceLinks hostUsers immutable optional orphanDependents privileged readOnlyRootFilesystem ready
  runAsNonRoot serving setHostnameAsFQDN shareProcessNamespace suspend terminating
`)
/** Structs that Go embeds by value: empty ones were left out by the user. An empty `emptyDir` was not. */
export const DROP_EMPTY = words(`
  creationTimestamp lastState listMeta loadBalancer metadata resources state status strategy updateStrategy
`)

const ENDINGS = [
  ['[]', 'list'],
  ['{}', 'map'],
] as const

function parseField(text: string): [number, Field] {
  const [number = '', name = '', type = ''] = text.trim().split(' ')
  if (name.startsWith('...')) return [Number(number), { name: name.slice(3), type, shape: 'inline' }]
  const [ending, shape] = ENDINGS.find(([mark]) => name.endsWith(mark)) ?? (['', 'one'] as const)
  return [Number(number), { name: name.slice(0, name.length - ending.length), type, shape }]
}

function parseTable(text: string): ReadonlyMap<string, Message> {
  const paragraphs = text.trim().replaceAll('\n  ', ' ').split('\n')
  return new Map(
    paragraphs.map((paragraph) => {
      const colon = paragraph.indexOf(':')
      return [
        paragraph.slice(0, colon),
        new Map(
          paragraph
            .slice(colon + 1)
            .split(';')
            .map(parseField),
        ),
      ]
    }),
  )
}

export const MESSAGES = parseTable(PROTOBUF_FIELDS)
