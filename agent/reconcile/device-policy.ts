// device-policy.ts - what the owner of this device lets pods do; read from its own settings, so the hub cannot change it
import type { Pod } from '../../shared/kinds/object.ts'
import type { HostPathPolicy } from './host-path.ts'
import { containersOf } from './pod-shape.ts'

export interface DevicePolicy extends HostPathPolicy {
  hostNetworkAllowed: boolean
  privilegedAllowed: boolean
}

/** Why this pod may not run here, naming the setting that would let it; undefined when it may. Pure. */
export function refusedHere(pod: Pod, policy: DevicePolicy): string | undefined {
  if (pod.spec.hostNetwork && !policy.hostNetworkAllowed) return refusal('hostNetwork', 'hostNetworkAllowed')
  if (policy.privilegedAllowed) return undefined
  for (const space of ['hostPID', 'hostIPC'] as const) if (pod.spec[space]) return refusal(space, 'privilegedAllowed')
  for (const { name, spec } of containersOf(pod)) {
    const { privileged, capabilities } = spec.securityContext ?? {}
    if (privileged) return refusal(`a privileged container (${name})`, 'privilegedAllowed')
    if (capabilities?.add?.length) return refusal(`added capabilities (${name})`, 'privilegedAllowed')
  }
  return undefined
}

const refusal = (what: string, setting: keyof DevicePolicy) =>
  `this device does not allow ${what}: its agent's setting ${setting} says so`
