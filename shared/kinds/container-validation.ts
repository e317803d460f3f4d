// container-validation.ts - what one container of a pod may not say
import type { EnvFromSource, EphemeralContainer } from 'kubernetes-types/core/v1.js'
import { dnsLabelError, envNameError, portNameError } from '../names.ts'
import { idCauses, oneOf, portCauses as portNumber } from './field-rules.ts'
import { checked } from './metadata.ts'
import type { Container, EnvVar, VolumeMount } from './object.ts'
import { handlerCauses, probeCauses } from './probe-validation.ts'
import { resourceCauses } from './resource-validation.ts'
import { duplicateValue, forbiddenField, invalidValue, requiredValue, type Cause } from './status-error.ts'
import { pathError } from './volume-validation.ts'

export interface ContainerRules {
  volumes: ReadonlySet<string>
  isInit: boolean
  isHostNetwork: boolean
}

export function containerCauses(container: Container, at: string, rules: ContainerRules): Cause[] {
  return [
    ...(container.name ? checked(`${at}.name`, container.name, dnsLabelError) : [requiredValue(`${at}.name`)]),
    ...imageCauses(container.image, `${at}.image`),
    ...oneOf(container.imagePullPolicy, `${at}.imagePullPolicy`, ['Always', 'IfNotPresent', 'Never']),
    ...oneOf(container.terminationMessagePolicy, `${at}.terminationMessagePolicy`, ['FallbackToLogsOnError', 'File']),
    ...portCauses(container, at, rules.isHostNetwork),
    ...envCauses(container.env ?? [], `${at}.env`),
    ...envFromCauses(container.envFrom ?? [], `${at}.envFrom`),
    ...mountCauses(container.volumeMounts ?? [], `${at}.volumeMounts`, rules.volumes),
    ...resourceCauses(container.resources, `${at}.resources`),
    ...securityCauses(container.securityContext, `${at}.securityContext`),
    ...lifeCauses(container, at, rules.isInit),
  ]
}

function imageCauses(image: string | undefined, field: string): Cause[] {
  if (!image) return [requiredValue(field)]
  return image.trim() === image ? [] : [invalidValue(field, image, 'must not have leading or trailing whitespace')]
}

function portCauses({ ports = [] }: Container, at: string, isHostNetwork: boolean): Cause[] {
  const names = new Set<string>()
  return ports.flatMap((port, index) => {
    const field = `${at}.ports[${index}]`
    const isRepeated = Boolean(port.name) && names.has(port.name ?? '')
    names.add(port.name ?? '')
    const isElsewhere = isHostNetwork && port.hostPort !== undefined && port.hostPort !== port.containerPort
    return [
      ...(port.name ? checked(`${field}.name`, port.name, portNameError) : []),
      ...(isRepeated ? [duplicateValue(`${field}.name`, port.name)] : []),
      ...(port.containerPort
        ? portNumber(port.containerPort, `${field}.containerPort`)
        : [requiredValue(`${field}.containerPort`)]),
      ...(port.hostPort ? portNumber(port.hostPort, `${field}.hostPort`) : []),
      ...(isElsewhere
        ? [invalidValue(`${field}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true')]
        : []),
      ...oneOf(port.protocol, `${field}.protocol`, ['SCTP', 'TCP', 'UDP']),
    ]
  })
}

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'] as const
const FIELD_PATHS =
  /^(metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[^']{1,317}'\]|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?))$/

function envCauses(env: readonly EnvVar[], at: string): Cause[] {
  return env.flatMap(({ name, value, valueFrom }, index) => {
    const field = `${at}[${index}]`
    const nameCauses = name ? checked(`${field}.name`, name, envNameError) : [requiredValue(`${field}.name`)]
    if (!valueFrom) return nameCauses
    const sources = SOURCES.filter((source) => valueFrom[source] !== undefined)
    const path = valueFrom.fieldRef?.fieldPath
    return [
      ...nameCauses,
      ...(value ? [invalidValue(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty')] : []),
      ...(sources.length === 0
        ? [
            invalidValue(
              `${field}.valueFrom`,
              '',
              'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
            ),
          ]
        : []),
      ...(sources.length > 1
        ? [invalidValue(`${field}.valueFrom`, '', 'may not have more than one field specified at a time')]
        : []),
      ...(path && !FIELD_PATHS.test(path)
        ? [
            invalidValue(
              `${field}.valueFrom.fieldRef.fieldPath`,
              path,
              'error converting fieldPath: field label not supported',
            ),
          ]
        : []),
      ...(['configMapKeyRef', 'secretKeyRef'] as const).flatMap((source) => {
        const reference = valueFrom[source]
        return reference && !reference.key ? [requiredValue(`${field}.valueFrom.${source}.key`)] : []
      }),
    ]
  })
}

const envFromCauses = (sources: readonly EnvFromSource[], at: string): Cause[] =>
  sources.flatMap(({ prefix, configMapRef, secretRef }, index) => [
    ...(prefix ? checked(`${at}[${index}].prefix`, prefix, envNameError) : []),
    ...(configMapRef || secretRef
      ? []
      : [invalidValue(`${at}[${index}]`, '', 'must specify one of: `configMapRef` or `secretRef`')]),
    ...(configMapRef && secretRef
      ? [invalidValue(`${at}[${index}]`, '', 'may not have more than one field specified at a time')]
      : []),
  ])

const notFound = (field: string, name: string): Cause => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${JSON.stringify(name)}`,
  field,
})

function mountCauses(mounts: readonly VolumeMount[], at: string, volumes: ReadonlySet<string>): Cause[] {
  const paths = new Set<string>()
  return mounts.flatMap(({ name, mountPath, subPath, subPathExpr }, index) => {
    const field = `${at}[${index}]`
    const isRepeated = Boolean(mountPath) && paths.has(mountPath)
    paths.add(mountPath)
    const wrongPath = subPath && pathError(subPath)
    return [
      ...(name ? [] : [requiredValue(`${field}.name`)]),
      ...(name && !volumes.has(name) ? [notFound(`${field}.name`, name)] : []),
      ...(mountPath ? [] : [requiredValue(`${field}.mountPath`)]),
      ...(isRepeated ? [invalidValue(`${field}.mountPath`, mountPath, 'must be unique')] : []),
      ...(wrongPath ? [invalidValue(`${field}.subPath`, subPath, wrongPath)] : []),
      ...(subPath && subPathExpr
        ? [invalidValue(`${field}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')]
        : []),
    ]
  })
}

function securityCauses(context: Container['securityContext'], at: string): Cause[] {
  if (!context) return []
  const { privileged, allowPrivilegeEscalation, capabilities, runAsUser, runAsGroup } = context
  const gainsAdmin = capabilities?.add?.includes('CAP_SYS_ADMIN')
  const why = (how: string) => invalidValue(at, '', `cannot set \`allowPrivilegeEscalation\` to false and ${how}`)
  return [
    ...idCauses(runAsUser, `${at}.runAsUser`),
    ...idCauses(runAsGroup, `${at}.runAsGroup`),
    ...(allowPrivilegeEscalation === false && privileged ? [why('`privileged` to true')] : []),
    ...(allowPrivilegeEscalation === false && gainsAdmin ? [why('`capabilities.Add` CAP_SYS_ADMIN')] : []),
  ]
}

/** Probes and hooks; plain init containers run to their end and have none. */
function lifeCauses(container: Container, at: string, isInit: boolean): Cause[] {
  const isSidecar = isInit && container.restartPolicy === 'Always'
  if (isInit && !isSidecar) {
    const present = (['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const).filter(
      (field) => container[field],
    )
    return [
      ...present.map((field) =>
        forbiddenField(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
      ),
      ...oneOf(container.restartPolicy, `${at}.restartPolicy`, ['Always']),
    ]
  }
  return [
    ...probeCauses(container.livenessProbe, `${at}.livenessProbe`, { onlyOneSuccess: true }),
    ...probeCauses(container.readinessProbe, `${at}.readinessProbe`, { onlyOneSuccess: false }),
    ...probeCauses(container.startupProbe, `${at}.startupProbe`, { onlyOneSuccess: true }),
    ...(['postStart', 'preStop'] as const).flatMap((hook) =>
      handlerCauses(container.lifecycle?.[hook], `${at}.lifecycle.${hook}`),
    ),
    ...(!isInit && container.restartPolicy
      ? [forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers')]
      : []),
  ]
}

const EPHEMERAL_FORBIDDEN = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const

export const ephemeralContainerCauses = (
  containers: readonly EphemeralContainer[],
  at: string,
  taken: ReadonlySet<string>,
): Cause[] => {
  const names = new Set(taken)
  return containers.flatMap((container, index) => {
    const field = `${at}[${index}]`
    const isRepeated = names.has(container.name)
    const target = container.targetContainerName
    names.add(container.name)
    return [
      ...(container.name ? checked(`${field}.name`, container.name, dnsLabelError) : [requiredValue(`${field}.name`)]),
      ...(isRepeated ? [duplicateValue(`${field}.name`, container.name)] : []),
      ...imageCauses(container.image, `${field}.image`),
      ...EPHEMERAL_FORBIDDEN.filter((name) => container[name]).map((name) =>
        forbiddenField(`${field}.${name}`, 'cannot be set for an Ephemeral Container'),
      ),
      ...(target && !taken.has(target) ? [notFound(`${field}.targetContainerName`, target)] : []),
    ]
  })
}
