// service-account.ts - gives every namespace what clients expect in it: the account `default`, and the cluster's CA
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { NAMESPACE } from '../../shared/kinds/namespace.ts'
import { SERVICE_ACCOUNT } from '../../shared/kinds/service-account.ts'
import { createReconcileLoop, type ReconcileLoop } from '../store/reconcile-loop.ts'
import { watchInto } from '../store/watch-into.ts'
import type { ControllerDeps } from './deps.ts'

const ACCOUNT = 'default'
const ROOT_CA = 'kube-root-ca.crt'

export interface ServiceAccountDeps extends ControllerDeps {
  /** PEM of the CA behind the API's certificate; without it no ConfigMap is made. */
  clusterCaPem: string | undefined
}

export function createServiceAccountController(deps: ServiceAccountDeps): ReconcileLoop {
  const { store, objects, clusterCaPem } = deps

  function reconcile(namespace: string): void {
    const owner = objects.get(NAMESPACE, undefined, namespace)
    if (!owner || owner.metadata.deletionTimestamp) return
    if (!objects.get(SERVICE_ACCOUNT, namespace, ACCOUNT))
      objects.create(SERVICE_ACCOUNT, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: ACCOUNT, namespace },
      })
    if (clusterCaPem !== undefined) keepRootCa(namespace, { 'ca.crt': clusterCaPem })
  }

  function keepRootCa(namespace: string, data: Record<'ca.crt', string>): void {
    const changed = objects.modify(CONFIG_MAP, namespace, ROOT_CA, (current) => ({ ...current, data }))
    if (!changed)
      objects.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: ROOT_CA, namespace }, data })
  }

  return createReconcileLoop({
    name: 'service-account',
    clock: deps.clock,
    log: deps.log,
    random: deps.random,
    watch: [
      watchInto(store, NAMESPACE, ({ object }) => [object.metadata.name]),
      watchInto(store, SERVICE_ACCOUNT, ({ object }) => namespaceWhen(object.metadata, ACCOUNT)),
      watchInto(store, CONFIG_MAP, ({ object }) => namespaceWhen(object.metadata, ROOT_CA)),
    ],
    reconcile,
  })
}

const namespaceWhen = ({ namespace, name }: { namespace?: string; name: string }, wanted: string): string[] =>
  name === wanted && namespace ? [namespace] : []
