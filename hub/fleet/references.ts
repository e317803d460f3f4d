// references.ts - which ConfigMaps and Secrets a pod mentions, so that the device gets these and no others; pure
import type { Container, Pod } from '../../shared/kinds/object.ts'

export interface References {
  configMaps: ReadonlySet<string>
  secrets: ReadonlySet<string>
}

/** Names in the pod's own namespace. */
export function referencesOf(pod: Pod): References {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  const addTo = (names: Set<string>, name: string | undefined) => void (name && names.add(name))

  for (const volume of pod.spec.volumes ?? []) {
    addTo(configMaps, volume.configMap?.name)
    addTo(secrets, volume.secret?.secretName)
    for (const source of volume.projected?.sources ?? []) {
      addTo(configMaps, source.configMap?.name)
      addTo(secrets, source.secret?.name)
    }
  }
  for (const { env, envFrom } of containersOf(pod)) {
    for (const { valueFrom } of env ?? []) {
      addTo(configMaps, valueFrom?.configMapKeyRef?.name)
      addTo(secrets, valueFrom?.secretKeyRef?.name)
    }
    for (const source of envFrom ?? []) {
      addTo(configMaps, source.configMapRef?.name)
      addTo(secrets, source.secretRef?.name)
    }
  }
  for (const { name } of pod.spec.imagePullSecrets ?? []) addTo(secrets, name)
  return { configMaps, secrets }
}

const containersOf = ({ spec }: Pod): Pick<Container, 'env' | 'envFrom'>[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []),
  ...(spec.ephemeralContainers ?? []),
]
