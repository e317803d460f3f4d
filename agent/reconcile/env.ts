// env.ts - the environment of a container: envFrom first, then env in order, each able to name those before it; pure
import type { EnvVar } from '../../shared/kinds/object.ts'
import { StartError } from '../runtime/runtime.ts'
import { noKeyMessage, notFoundMessage, type ConfigKind, type ConfigSource } from './config-source.ts'
import { expand } from './expand.ts'
import { fieldValue, resourceValue, type FieldContext } from './field-ref.ts'
import { namespaceOf, type PodContainer } from './pod-shape.ts'

export interface EnvContext extends FieldContext {
  config: ConfigSource
}

/** Throws StartError with CreateContainerConfigError when something that it must have is missing. */
export function environmentOf({ name, spec }: PodContainer, context: EnvContext): Map<string, string> {
  const env = new Map<string, string>()
  for (const { prefix = '', configMapRef, secretRef } of spec.envFrom ?? []) {
    const [kind, ref] = configMapRef ? (['ConfigMap', configMapRef] as const) : (['Secret', secretRef] as const)
    const entries = entriesOf(kind, ref?.name ?? '', ref?.optional, context)
    for (const [key, value] of entries ?? []) if (isEnvName(prefix + key)) env.set(prefix + key, value.toString('utf8'))
  }
  for (const variable of spec.env ?? []) {
    const value = valueOf(variable, name, env, context)
    if (value !== undefined) env.set(variable.name, value)
  }
  return env
}

/** Anything printable but "=": what upstream lets through since 1.30. Others are left out, as upstream does. */
const isEnvName = (name: string) => /^[ -<>-~]+$/.test(name)

function valueOf({ value, valueFrom }: EnvVar, ownName: string, env: ReadonlyMap<string, string>, context: EnvContext) {
  if (value !== undefined && value !== '') return expand(value, (name) => env.get(name))
  if (!valueFrom) return ''
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom
  if (fieldRef) return fieldValue(fieldRef.fieldPath, context)
  if (resourceFieldRef) return resourceValue(resourceFieldRef, ownName, context)
  if (configMapKeyRef) return keyValue('ConfigMap', configMapKeyRef, context)
  return secretKeyRef ? keyValue('Secret', secretKeyRef, context) : ''
}

interface KeyRef {
  name?: string
  key: string
  optional?: boolean
}

function keyValue(kind: ConfigKind, { name = '', key, optional }: KeyRef, context: EnvContext): string | undefined {
  const value = entriesOf(kind, name, optional, context)?.get(key)
  if (value !== undefined) return value.toString('utf8')
  if (optional) return undefined
  throw new StartError('CreateContainerConfigError', noKeyMessage(kind, key, namespaceOf(context.pod), name))
}

function entriesOf(kind: ConfigKind, name: string, optional: boolean | undefined, { config, pod }: EnvContext) {
  const entries = config.entries(kind, namespaceOf(pod), name)
  if (!entries && !optional) throw new StartError('CreateContainerConfigError', notFoundMessage(kind, name))
  return entries
}
