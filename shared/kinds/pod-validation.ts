// pod-validation.ts - what a pod's spec may not say, in upstream's words
import { dnsLabelError, dnsSubdomainError } from '../names.ts'
import { containerCauses, ephemeralContainerCauses } from './container-validation.ts'
import { idCauses, oneOf } from './field-rules.ts'
import { checked, labelCauses } from './metadata.ts'
import type { Container, PodSpec } from './object.ts'
import { affinityCauses, tolerationCauses } from './placement-validation.ts'
import { duplicateValue, forbiddenField, invalidValue, requiredValue, type Cause } from './status-error.ts'
import { volumeCauses } from './volume-validation.ts'

export interface PodRules {
  /** Deployments and their like only make pods that always restart. */
  restartPolicies?: readonly string[]
  annotations?: Readonly<Record<string, string>> | undefined
}

/** One pod must not hold the memory of a whole device with its description. */
const CONTAINERS_MAX = 100
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']

export function podSpecCauses(spec: PodSpec | undefined, at: string, rules: PodRules = {}): Cause[] {
  // Types promise containers; what a client sent keeps no promises.
  if (!spec?.containers) return [requiredValue(`${at}.containers`)]
  return [
    ...containerListCauses(spec, at),
    ...volumeCauses(spec.volumes ?? [], `${at}.volumes`),
    ...policyCauses(spec, at, rules.restartPolicies ?? RESTART_POLICIES),
    ...numberCauses(spec, at),
    ...nameCauses(spec, at),
    ...labelCauses(spec.nodeSelector, `${at}.nodeSelector`),
    ...affinityCauses(spec.affinity, `${at}.affinity`),
    ...tolerationCauses(spec.tolerations ?? [], `${at}.tolerations`),
    ...hostCauses(spec, at),
  ]
}

function containerListCauses(spec: PodSpec, at: string): Cause[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec
  const all: [string, Container[]][] = [
    ['containers', containers],
    ['initContainers', initContainers],
  ]
  const seen = new Set<string>()
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name))
  const count = containers.length + initContainers.length + ephemeralContainers.length
  if (count > CONTAINERS_MAX) {
    return [
      {
        reason: 'FieldValueTooMany',
        message: `Too many: ${count}: must have at most ${CONTAINERS_MAX} items`,
        field: `${at}.containers`,
      },
    ]
  }
  const causes = all.flatMap(([list, members]) =>
    members.flatMap((container, index) => {
      const field = `${at}.${list}[${index}]`
      const isRepeated = Boolean(container.name) && seen.has(container.name)
      seen.add(container.name)
      return [
        ...containerCauses(container, field, {
          volumes,
          isInit: list === 'initContainers',
          isHostNetwork: spec.hostNetwork === true,
        }),
        ...(isRepeated ? [duplicateValue(`${field}.name`, container.name)] : []),
      ]
    }),
  )
  return [
    ...(containers.length === 0 ? [requiredValue(`${at}.containers`)] : []),
    ...causes,
    ...hostPortCauses(containers, at),
    ...ephemeralContainerCauses(ephemeralContainers, `${at}.ephemeralContainers`, seen),
  ]
}

function hostPortCauses(containers: readonly Container[], at: string): Cause[] {
  const seen = new Set<string>()
  return containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP = '', protocol = 'TCP' }, portIndex) => {
      if (!hostPort) return []
      const identity = `${protocol}/${hostIP}/${hostPort}`
      const isRepeated = seen.has(identity)
      seen.add(identity)
      return isRepeated ? [duplicateValue(`${at}.containers[${index}].ports[${portIndex}].hostPort`, identity)] : []
    }),
  )
}

const policyCauses = (spec: PodSpec, at: string, restartPolicies: readonly string[]): Cause[] => [
  ...oneOf(spec.restartPolicy, `${at}.restartPolicy`, restartPolicies),
  ...oneOf(spec.dnsPolicy, `${at}.dnsPolicy`, DNS_POLICIES),
  ...oneOf(spec.preemptionPolicy, `${at}.preemptionPolicy`, ['Never', 'PreemptLowerPriority']),
  ...(spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length
    ? [
        requiredValue(
          `${at}.dnsConfig.nameservers`,
          'must provide at least one DNS nameserver when `dnsPolicy` is None',
        ),
      ]
    : []),
]

function numberCauses(spec: PodSpec, at: string): Cause[] {
  const { activeDeadlineSeconds: deadline, terminationGracePeriodSeconds: grace } = spec
  const { runAsUser, runAsGroup, fsGroup, supplementalGroups = [] } = spec.securityContext ?? {}
  const deadlineIsFine = deadline === undefined || (deadline >= 1 && deadline <= 2 ** 31 - 1)
  return [
    ...(deadlineIsFine
      ? []
      : [invalidValue(`${at}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive')]),
    ...(grace !== undefined && grace < 0
      ? [invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0')]
      : []),
    ...idCauses(runAsUser, `${at}.securityContext.runAsUser`),
    ...idCauses(runAsGroup, `${at}.securityContext.runAsGroup`),
    ...idCauses(fsGroup, `${at}.securityContext.fsGroup`),
    ...supplementalGroups.flatMap((group, index) =>
      idCauses(group, `${at}.securityContext.supplementalGroups[${index}]`),
    ),
  ]
}

const nameCauses = (spec: PodSpec, at: string): Cause[] => [
  ...(spec.nodeName ? checked(`${at}.nodeName`, spec.nodeName, dnsSubdomainError) : []),
  ...(spec.serviceAccountName ? checked(`${at}.serviceAccountName`, spec.serviceAccountName, dnsSubdomainError) : []),
  ...(spec.hostname ? checked(`${at}.hostname`, spec.hostname, dnsLabelError) : []),
  ...(spec.subdomain ? checked(`${at}.subdomain`, spec.subdomain, dnsLabelError) : []),
  ...(spec.runtimeClassName ? checked(`${at}.runtimeClassName`, spec.runtimeClassName, dnsSubdomainError) : []),
  ...(spec.priorityClassName ? checked(`${at}.priorityClassName`, spec.priorityClassName, dnsSubdomainError) : []),
]

function hostCauses(spec: PodSpec, at: string): Cause[] {
  const bothNamespaces = spec.shareProcessNamespace && spec.hostPID
  const isWrongHost = (name: string) => dnsSubdomainError(name) !== undefined
  return [
    ...(bothNamespaces
      ? [invalidValue(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')]
      : []),
    ...(spec.hostAliases ?? []).flatMap(({ hostnames = [] }, index) =>
      hostnames
        .filter(isWrongHost)
        .map((name) => invalidValue(`${at}.hostAliases[${index}].hostnames`, name, dnsSubdomainError(name) ?? '')),
    ),
    ...(spec.nodeName && spec.schedulingGates?.length
      ? [forbiddenField(`${at}.nodeName`, 'cannot be set until all schedulingGates have been cleared')]
      : []),
  ]
}
