// metrics.ts - metrics.k8s.io: nodes from their last beats, pods measured on demand; each number with its own time and window
import { rfc3339, type Clock } from '../../../shared/clock.ts'
import type { KubeObject, Node, Pod } from '../../../shared/kinds/object.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { notFound } from '../../../shared/kinds/status-error.ts'
import { labelFilter } from '../../../shared/selectors.ts'
import type { Reader } from '../../store/store.ts'
import type { Handler } from '../extension.ts'
import type { ContainerNumbers, PodUsage } from './pod-usage.ts'

/** The measurements that came with a node's last beat. */
export interface NodeUsage {
  latest(node: string): { cpuMilli: number; memoryBytes: number; atWallMs: number; windowMs: number } | undefined
}

export interface MetricsDeps {
  objects: Reader
  nodeUsage: NodeUsage
  podUsage: PodUsage
  clock: Clock
}

const API_VERSION = 'metrics.k8s.io/v1beta1'
const NODE_METRICS = { group: 'metrics.k8s.io', plural: 'nodes', kind: 'NodeMetrics' }
const POD_METRICS = { group: 'metrics.k8s.io', plural: 'pods', kind: 'PodMetrics' }

export function createMetrics({ objects, nodeUsage, podUsage, clock }: MetricsDeps): Record<string, Handler> {
  const metricsOfNode = (node: Node) => {
    const usage = nodeUsage.latest(node.metadata.name)
    if (!usage) return []
    const { cpuMilli, memoryBytes, atWallMs, windowMs } = usage
    return [{ ...head('NodeMetrics', node, atWallMs, windowMs), usage: amounts(cpuMilli * 1e6, memoryBytes) }]
  }
  const metricsOfPods = async (pods: readonly Pod[]) => {
    const running = pods.filter((pod) => pod.spec.nodeName && pod.status?.phase === 'Running')
    const usage = await podUsage.of(running.flatMap((pod) => pod.spec.nodeName ?? []))
    // A device may say anything, but only of its own pods.
    const ofPod = ({ metadata, spec }: Pod) => usage.get(metadata.uid)?.filter(({ node }) => node === spec.nodeName)
    return running.flatMap((pod) => metricsOfPod(pod, ofPod(pod) ?? []))
  }
  const list = (kind: string, items: object[]) => ({
    kind: `${kind}List`,
    apiVersion: API_VERSION,
    metadata: {},
    items,
  })

  return {
    'metrics.k8s.io/nodes': ({ name, query }) => {
      if (name === undefined) return list('NodeMetrics', labelled(objects.list(NODE), query).flatMap(metricsOfNode))
      const node = objects.get(NODE, undefined, name)
      const [metrics] = node ? metricsOfNode(node) : []
      if (!metrics) throw notFound(NODE_METRICS, name)
      return metrics
    },
    'metrics.k8s.io/pods': async ({ namespace, name, query }) => {
      if (name === undefined)
        return list('PodMetrics', await metricsOfPods(labelled(objects.list(POD, namespace), query)))
      const pod = objects.get(POD, namespace, name)
      const [metrics] = pod ? await metricsOfPods([pod]) : []
      if (!metrics) throw notFound(POD_METRICS, `${namespace}/${name}`)
      return metrics
    },
  }

  function labelled<T extends KubeObject>(all: readonly T[], query: URLSearchParams): T[] {
    const matches = labelFilter(query.get('labelSelector'))
    return all.filter(({ metadata }) => matches(metadata.labels))
  }

  function head(kind: string, { metadata }: KubeObject, atWallMs: number, windowMs: number) {
    const { name, namespace, labels } = metadata
    return {
      kind,
      apiVersion: API_VERSION,
      metadata: {
        name,
        ...(namespace && { namespace }),
        ...(labels && { labels }),
        creationTimestamp: rfc3339(clock.wallMs()),
      },
      timestamp: rfc3339(atWallMs),
      window: `${(windowMs / 1000).toFixed(3)}s`,
    }
  }

  /** A pod that was not measured is left out: "0" would be a lie. Its time is that of its oldest number. */
  function metricsOfPod(pod: Pod, all: readonly ContainerNumbers[]) {
    if (all.length === 0) return []
    const atWallMs = Math.min(...all.map(({ measuredAtWallMs }) => measuredAtWallMs))
    const windowMs = Math.max(...all.map((numbers) => numbers.windowMs))
    const containers = all.map(({ container, cpuNanoCores, memoryBytes }) => ({
      name: container,
      usage: amounts(cpuNanoCores, memoryBytes),
    }))
    return [{ ...head('PodMetrics', pod, atWallMs, windowMs), containers }]
  }
}

/** As metrics-server writes them. */
const amounts = (cpuNanoCores: number, memoryBytes: number) => ({
  cpu: `${Math.round(cpuNanoCores)}n`,
  memory: `${Math.ceil(memoryBytes / 1024)}Ki`,
})
