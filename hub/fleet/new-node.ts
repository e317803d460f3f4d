// new-node.ts - what the hub writes about a device that it lets in, and what it believes of what a device says about itself
import type { NewObject, Node, NodeStatus } from '../../shared/kinds/object.ts'
import { PODS_PER_NODE_MAX, type Hello, type NodeFacts } from '../../shared/protocol/messages.ts'
import { KEEPS_ORDER_LABEL } from '../../shared/succession.ts'
import type { JoinTokenRecord } from '../../shared/protocol/join-token-secret.ts'

export const SITE_LABEL = 'topology.kubernetes.io/zone'
/** A device may label itself only so: the rest decides what it gets to run. */
const isOwnLabel = (key: string) => key.startsWith('holdfast.dev/runtime-') || key === KEEPS_ORDER_LABEL

export function newNode(
  name: string,
  facts: NodeFacts,
  token: Pick<JoinTokenRecord, 'site' | 'labels'>,
): NewObject<Node> {
  const labels = { ...token.labels, ...(token.site && { [SITE_LABEL]: token.site }), ...factLabels(name, facts) }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {}, status: {} }
}

/** Labels as its facts and its agent have them now; labels of people stay. */
export function labelsAfterHello(node: Node, { facts, labels }: Hello): Record<string, string> {
  const kept = Object.entries(node.metadata.labels ?? {}).filter(([key]) => !isOwnLabel(key))
  const own = Object.entries(labels).filter(([key]) => isOwnLabel(key))
  return { ...Object.fromEntries([...kept, ...own]), ...factLabels(node.metadata.name, facts) }
}

const factLabels = (name: string, { os, architecture }: NodeFacts) => ({
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': os,
  'kubernetes.io/arch': architecture,
})

/** What does not change while the device runs; conditions are written elsewhere. */
export function statusAfterHello(before: NodeStatus | undefined, { facts, runtimes, agentVersion }: Hello): NodeStatus {
  const amounts = {
    cpu: String(facts.cpus),
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(facts.diskBytes / 1024)}Ki`,
    pods: String(PODS_PER_NODE_MAX),
  }
  return {
    ...before,
    capacity: amounts,
    allocatable: amounts,
    addresses: facts.addresses,
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.bootId,
      kernelVersion: facts.kernel,
      osImage: facts.osImage,
      containerRuntimeVersion: runtimes.map(({ version }) => version).join(',') || 'none://',
      kubeletVersion: agentVersion,
      kubeProxyVersion: agentVersion,
      operatingSystem: facts.os,
      architecture: facts.architecture,
    },
  }
}
