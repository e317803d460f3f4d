// manifests.ts - the least that a user can write for each stored kind, as it comes out of a YAML file
import type { JsonObject } from '../../shared/kinds/object.ts'

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'my-image' }] } }
const selector = { matchLabels: { app: 'web' } }
const jobTemplate = { spec: { ...template.spec, restartPolicy: 'Never' } }
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]

const BODIES: Readonly<Record<string, JsonObject>> = {
  'v1 Namespace': {},
  'v1 Node': {},
  'v1 Pod': { spec: template.spec },
  'v1 Service': { spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
  'v1 ConfigMap': { data: { key: 'value' } },
  'v1 Secret': { stringData: { password: 'open sesame' } },
  'v1 ServiceAccount': {},
  'v1 Endpoints': { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  'v1 Event': { involvedObject: { kind: 'Pod', name: 'web', namespace: 'default' }, reason: 'Started', type: 'Normal' },
  'v1 PersistentVolumeClaim': { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  'v1 PersistentVolume': {
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
  },
  'v1 LimitRange': { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
  'v1 ResourceQuota': { spec: { hard: { pods: '10' } } },
  'v1 ReplicationController': { spec: { template } },
  'v1 PodTemplate': { template },
  'apps/v1 Deployment': { spec: { selector, template } },
  'apps/v1 ReplicaSet': { spec: { selector, template } },
  'apps/v1 DaemonSet': { spec: { selector, template } },
  'apps/v1 StatefulSet': { spec: { selector, template, serviceName: 'web' } },
  'apps/v1 ControllerRevision': { revision: 1, data: { spec: { template } } },
  'events.k8s.io/v1 Event': {
    regarding: { kind: 'Pod', name: 'web', namespace: 'default' },
    note: 'hello',
    eventTime: '2026-11-20T12:00:00.000000Z',
  },
  'batch/v1 Job': { spec: { template: jobTemplate } },
  'batch/v1 CronJob': { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: jobTemplate } } } },
  'autoscaling/v2 HorizontalPodAutoscaler': {
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web' }, behavior: {} },
  },
  'autoscaling/v1 HorizontalPodAutoscaler': {
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web' } },
  },
  'policy/v1 PodDisruptionBudget': { spec: { minAvailable: 1, selector } },
  'networking.k8s.io/v1 Ingress': { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
  'networking.k8s.io/v1 NetworkPolicy': { spec: { podSelector: {}, egress: [{ ports: [{ port: 53 }] }] } },
  'rbac.authorization.k8s.io/v1 Role': { rules },
  'rbac.authorization.k8s.io/v1 ClusterRole': { rules },
  'rbac.authorization.k8s.io/v1 RoleBinding': { roleRef, subjects: [{ kind: 'User', name: 'ann' }] },
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': {
    roleRef,
    subjects: [{ kind: 'ServiceAccount', name: 'a', namespace: 'b' }],
  },
  'storage.k8s.io/v1 StorageClass': { provisioner: 'example.com/disk' },
  'scheduling.k8s.io/v1 PriorityClass': { value: 100 },
  'coordination.k8s.io/v1 Lease': { spec: { holderIdentity: 'me', leaseDurationSeconds: 15 } },
  'discovery.k8s.io/v1 EndpointSlice': {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ port: 80 }],
  },
}

const CRD: JsonObject = {
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
}

/** A new object each time: the caller may change it. Undefined for kinds that are never stored. */
export function minimalManifest(apiVersion: string, kind: string): JsonObject | undefined {
  const isDefinition = kind === 'CustomResourceDefinition'
  const body = isDefinition ? CRD : BODIES[`${apiVersion} ${kind}`]
  if (!body) return undefined
  return structuredClone({
    apiVersion,
    kind,
    metadata: { name: isDefinition ? 'widgets.example.com' : 'web', creationTimestamp: null },
    ...body,
  })
}
