// list-facts.mjs - what type declarations cannot say: merge keys (strategic merge) and list, set and map types (server-side apply)

// "field:key+key" is a list of maps, merged by the first key; "field=set" a set; "field!" is replaced as a whole;
// ",retain" keeps only the keys that the patch names; "~atomic" merges in patches but has one owner in server-side apply.
const FACTS = {
  'core.v1.Container': 'ports:containerPort+protocol env:name volumeMounts:mountPath volumeDevices:devicePath',
  'core.v1.EphemeralContainer': 'ports:containerPort+protocol env:name volumeMounts:mountPath volumeDevices:devicePath',
  'core.v1.ContainerStatus': 'volumeMounts:mountPath',
  'core.v1.ResourceRequirements': 'claims:name',
  'core.v1.PodSpec':
    'volumes:name,retain initContainers:name containers:name ephemeralContainers:name imagePullSecrets:name hostAliases:ip ' +
    'topologySpreadConstraints:topologyKey+whenUnsatisfiable schedulingGates:name resourceClaims:name,retain nodeSelector!',
  'core.v1.PodStatus': 'conditions:type podIPs:ip hostIPs:ip~atomic resourceClaimStatuses:name,retain',
  'core.v1.ReplicationControllerStatus': 'conditions:type',
  'core.v1.ReplicationControllerSpec': 'selector!',
  'core.v1.ServiceSpec': 'ports:port+protocol selector!',
  'core.v1.ServiceStatus': 'conditions:type',
  'core.v1.ServiceAccount': 'secrets:name',
  'core.v1.NodeSpec': 'podCIDRs=set',
  'core.v1.NodeStatus': 'conditions:type addresses:type',
  'core.v1.NamespaceStatus': 'conditions:type',
  'core.v1.PersistentVolumeClaimStatus': 'conditions:type',
  'core.v1.EnvVarSource': 'configMapKeyRef! secretKeyRef! fieldRef! resourceFieldRef!',
  'apps.v1.StatefulSetStatus': 'conditions:type',
  'apps.v1.DeploymentStatus': 'conditions:type',
  'apps.v1.DaemonSetStatus': 'conditions:type',
  'apps.v1.ReplicaSetStatus': 'conditions:type',
  'apps.v1.DeploymentSpec': 'strategy,retain selector!',
  'apps.v1.ReplicaSetSpec': 'selector!',
  'apps.v1.DaemonSetSpec': 'selector!',
  'apps.v1.StatefulSetSpec': 'selector!',
  'batch.v1.JobStatus': 'conditions:type',
  'batch.v1.JobSpec': 'selector!',
  'autoscaling.v2.HorizontalPodAutoscalerStatus': 'conditions:type',
  'discovery.v1.Endpoint': 'addresses=set',
  'policy.v1.PodDisruptionBudgetStatus': 'conditions:type',
  'meta.v1.ObjectMeta': 'ownerReferences:uid finalizers=set',
}

/** Types that have one owner as a whole in server-side apply, wherever they are used. */
export const atomicTypes = [
  'meta.v1.LabelSelector',
  ...[
    'ConfigMapKeySelector',
    'LocalObjectReference',
    'NodeSelector',
    'NodeSelectorTerm',
    'ObjectFieldSelector',
    'ObjectReference',
    'ResourceFieldSelector',
    'ScopeSelector',
    'SecretKeySelector',
    'SecretReference',
    'TypedLocalObjectReference',
  ].map((type) => `core.v1.${type}`),
  'rbac.v1.RoleRef',
  'rbac.v1.Subject',
]

/** "apps.v1.DeploymentSpec.selector" -> the extensions of that property. */
export const listFacts = new Map(
  Object.entries(FACTS).flatMap(([type, items]) =>
    items.split(' ').map((item) => {
      const [field, extensions] = parse(item)
      return [`${type}.${field}`, extensions]
    }),
  ),
)

function parse(item) {
  const [body, flag] = item.split(',')
  const merge = flag === 'retain' ? 'merge,retainKeys' : 'merge'
  const [, field, how, rest, atomic] = /^(\w+)([!=:]?)([\w+]*)(~atomic)?$/.exec(body)
  switch (how) {
    case '!':
      return [field, { 'x-kubernetes-map-type': 'atomic' }]
    case '=':
      return [field, { 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': merge }]
    case ':': {
      const keys = rest.split('+')
      const patch = { 'x-kubernetes-patch-strategy': merge, 'x-kubernetes-patch-merge-key': keys[0] }
      const apply = atomic
        ? { 'x-kubernetes-list-type': 'atomic' }
        : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }
      return [field, { ...patch, ...apply }]
    }
    default:
      return [field, { 'x-kubernetes-patch-strategy': 'retainKeys' }]
  }
}
