// spec-hash.ts - a name for everything that a container is made from: another hash means another container
import { canonicalJson, sha256Hex, withoutEmpty } from '../../shared/hash.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { PodContainer } from './pod-shape.ts'

const HASH_LENGTH = 16

/**
 * Only what the container is made from. Probes, pull policy and grace act without a new one; values of ConfigMaps and
 * Secrets are read when it is made and do not restart it, as upstream.
 */
export function specHashOf(pod: Pod, container: PodContainer): string {
  const ofPod = known.get(pod.spec) ?? new Map<string, string>()
  known.set(pod.spec, ofPod)
  const found = ofPod.get(container.name) ?? newSpecHash(pod, container)
  ofPod.set(container.name, found)
  return found
}

/** Every look at a pod asks, and what is desired is never changed in place. */
const known = new WeakMap<Pod['spec'], Map<string, string>>()

function newSpecHash(pod: Pod, { spec, role }: PodContainer): string {
  const { name, image, command, args, env, envFrom, ports, resources, volumeMounts, securityContext } = spec
  const { workingDir, stdin, stdinOnce, tty } = spec
  const mounted = new Set((volumeMounts ?? []).map((mount) => mount.name))
  const { hostNetwork, hostPID, hostIPC, hostname, subdomain, hostAliases, dnsConfig, dnsPolicy } = pod.spec
  const places = { hostNetwork, hostPID, hostIPC, hostname, subdomain, hostAliases, dnsConfig, dnsPolicy }
  return hash({
    role,
    container: { name, image, command, args, env, envFrom, ports, resources, volumeMounts, securityContext },
    process: { workingDir, stdin, stdinOnce, tty },
    pod: { ...places, security: pod.spec.securityContext },
    volumes: (pod.spec.volumes ?? []).filter((volume) => mounted.has(volume.name)),
  })
}

export const sandboxHashOf = (pod: Pod): string => {
  const { hostname, subdomain, hostAliases, dnsConfig, dnsPolicy, containers } = pod.spec
  return hash({ hostname, subdomain, hostAliases, dnsConfig, dnsPolicy, ports: containers.map(({ ports }) => ports) })
}

const hash = (value: unknown) => sha256Hex(canonicalJson(withoutEmpty(value))).slice(0, HASH_LENGTH)
