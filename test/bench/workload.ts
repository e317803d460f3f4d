// workload.ts - the deployment that measurements apply, and what they ask of its pods
import type { Pod } from '../../shared/kinds/object.ts'
import { BUSYBOX_IMAGE } from '../support/busybox-image.ts'
import type { ApiClient } from '../support/cluster/api-client.ts'
import { untilMs } from './workshop.ts'

const POD_LIST = '/api/v1/namespaces/default/pods'

export function applyDeployment(
  api: ApiClient,
  name: string,
  replicas: number,
  podSpec: object = {},
): Promise<unknown> {
  const container = { name: 'app', image: BUSYBOX_IMAGE, command: ['sleep', '3600'], imagePullPolicy: 'IfNotPresent' }
  const spec = { terminationGracePeriodSeconds: 0, containers: [container], ...podSpec }
  const labels = { app: name }
  const template = { metadata: { labels }, spec }
  return api.apply({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' } },
    ...{ spec: { replicas, selector: { matchLabels: labels }, template } },
  })
}

/** Gone from the hub and from every device. */
export async function removeDeployment(api: ApiClient, name: string, boundMs: number): Promise<void> {
  await api.send('DELETE', `/apis/apps/v1/namespaces/default/deployments/${name}`)
  await untilMs(async () => (await podsOf(api, name)).length === 0, boundMs, 200)
}

export async function podsOf(api: ApiClient, name: string): Promise<Pod[]> {
  const { items } = await api.get(`${POD_LIST}?labelSelector=app%3D${name}`)
  return items
}

export const isRunning = ({ status, metadata }: Pod): boolean =>
  status?.phase === 'Running' &&
  !metadata.deletionTimestamp &&
  (status.containerStatuses ?? []).every(({ ready }) => ready)

/** How many run, by what a watch has told. */
export function runningPods(events: readonly { type: string; object: Pod }[]): number {
  const last = new Map(events.map(({ type, object }) => [object.metadata.uid, type !== 'DELETED' && isRunning(object)]))
  return [...last.values()].filter(Boolean).length
}
