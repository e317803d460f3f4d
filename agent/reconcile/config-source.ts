// config-source.ts - reads ConfigMaps and Secrets out of the desired state, with upstream's words when one is missing; pure
import type { DesiredState } from '../../shared/protocol/messages.ts'

export interface ConfigSource {
  /** Undefined when there is no such object. */
  entries(kind: ConfigKind, namespace: string, name: string): ReadonlyMap<string, Buffer> | undefined
}

export type ConfigKind = 'ConfigMap' | 'Secret'

export function configSource(state: Pick<DesiredState, 'configMaps' | 'secrets'>): ConfigSource {
  return {
    entries(kind, namespace, name) {
      const key = `${namespace}/${name}`
      if (kind === 'Secret') {
        const secret = Object.hasOwn(state.secrets, key) ? state.secrets[key] : undefined
        return secret && decoded(secret.data)
      }
      const map = Object.hasOwn(state.configMaps, key) ? state.configMaps[key] : undefined
      return map && new Map([...texts(map.data), ...decoded(map.binaryData)])
    },
  }
}

const decoded = (data: Readonly<Record<string, string>> = {}) =>
  new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')]))
const texts = (data: Readonly<Record<string, string>> = {}) =>
  new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'utf8')]))

export const notFoundMessage = (kind: ConfigKind, name: string): string => `${kind.toLowerCase()} "${name}" not found`
export const noKeyMessage = (kind: ConfigKind, key: string, namespace: string, name: string): string =>
  `couldn't find key ${key} in ${kind} ${namespace}/${name}`
