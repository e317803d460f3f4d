// pod-facts.ts - what the scheduler needs to know of a pod, worked out once
import type { Pod } from '../../shared/kinds/object.ts'
import { podRequests, scoredRequest, type Amounts } from '../../shared/amounts.ts'

export interface PodFacts {
  pod: Pod
  uid: string
  requests: Amounts
  scored: { cpu: number; memory: number }
  hostPorts: readonly HostPort[]
  controllerUid: string | undefined
}

export interface HostPort {
  ip: string
  protocol: string
  port: number
}

const ANY_IP = '0.0.0.0'

export function podFacts(pod: Pod): PodFacts {
  const requests = podRequests(pod.spec)
  return {
    pod,
    uid: pod.metadata.uid,
    requests,
    scored: scoredRequest(requests),
    hostPorts: hostPortsOf(pod),
    controllerUid: pod.metadata.ownerReferences?.find(({ controller }) => controller)?.uid,
  }
}

const hostPortsOf = ({ spec }: Pod): HostPort[] =>
  spec.containers.flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostIP, protocol, hostPort }) =>
      hostPort ? [{ ip: hostIP || ANY_IP, protocol: protocol ?? 'TCP', port: hostPort }] : [],
    ),
  )

export const portsConflict = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === ANY_IP || b.ip === ANY_IP)
