// newer-fields.mjs - what clients of 1.31 to 1.33 send and show that the type declarations of 1.30 do not have yet

const string = { type: 'string' }
const integer = { type: 'integer', format: 'int32' }
const long = { type: 'integer', format: 'int64' }
const strings = { type: 'array', items: string }
const ref = (name) => ({ allOf: [{ $ref: `#/components/schemas/${name}` }] })
const object = (properties, required) => ({ type: 'object', properties, ...(required && { required }) })
const CORE = 'io.k8s.api.core.v1.'
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const METRICS = 'io.k8s.metrics.pkg.apis.metrics.v1beta1.'
const quantities = {
  type: 'object',
  additionalProperties: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity' },
}

export const newerFields = {
  [`${CORE}PodSpec`]: { resources: ref(`${CORE}ResourceRequirements`), hostnameOverride: string },
  [`${CORE}PodStatus`]: { observedGeneration: long },
  [`${CORE}PodCondition`]: { observedGeneration: long },
  [`${CORE}PodSecurityContext`]: { supplementalGroupsPolicy: string, seLinuxChangePolicy: string },
  [`${CORE}PodResourceClaim`]: { resourceClaimName: string, resourceClaimTemplateName: string },
  [`${CORE}ResourceClaim`]: { request: string },
  [`${CORE}Lifecycle`]: { stopSignal: string },
  [`${CORE}Volume`]: { image: object({ pullPolicy: string, reference: string }) },
  [`${CORE}ContainerStatus`]: {
    user: object({
      linux: object({ uid: long, gid: long, supplementalGroups: { type: 'array', items: long } }, ['uid', 'gid']),
    }),
    stopSignal: string,
    allocatedResourcesStatus: {
      type: 'array',
      items: object({ name: string, resources: { type: 'array', items: { type: 'object' } } }),
    },
  },
  [`${CORE}NodeStatus`]: {
    features: object({ supplementalGroupsPolicy: { type: 'boolean' } }),
    declaredFeatures: strings,
  },
  [`${CORE}NodeSystemInfo`]: { swap: object({ capacity: long }) },
  'io.k8s.api.apps.v1.DeploymentStatus': { terminatingReplicas: integer },
  'io.k8s.api.apps.v1.ReplicaSetStatus': { terminatingReplicas: integer },
  'io.k8s.api.coordination.v1.LeaseSpec': { strategy: string, preferredHolder: string },
  'io.k8s.api.discovery.v1.EndpointHints': { forNodes: { type: 'array', items: object({ name: string }, ['name']) } },
  'io.k8s.api.autoscaling.v2.HPAScalingRules': { tolerance: ref('io.k8s.apimachinery.pkg.api.resource.Quantity') },
  'io.k8s.api.authorization.v1.ResourceAttributes': {
    fieldSelector: object({ rawSelector: string, requirements: { type: 'array', items: { type: 'object' } } }),
    labelSelector: object({ rawSelector: string, requirements: { type: 'array', items: { type: 'object' } } }),
  },
  [`${META}DeleteOptions`]: { ignoreStoreReadErrorWithClusterBreakingPotential: { type: 'boolean' } },
}

/** Fields that a client must not be held to: older declarations ask for them, newer clients leave them out. */
export const noLongerRequired = {
  'io.k8s.api.discovery.v1.EndpointSlice': ['endpoints'],
  'io.k8s.api.events.v1.Event': ['eventTime'],
}

/** Groups for which there are no declarations at all. */
const metrics = (kind, properties, description) => ({
  description,
  ...object({
    apiVersion: string,
    kind: string,
    metadata: ref(`${META}ObjectMeta`),
    timestamp: { type: 'string', format: 'date-time' },
    window: string,
    ...properties,
  }),
  'x-kubernetes-group-version-kind': [{ group: 'metrics.k8s.io', version: 'v1beta1', kind }],
})
export const newerTypes = {
  [`${METRICS}NodeMetrics`]: metrics(
    'NodeMetrics',
    { usage: quantities },
    'NodeMetrics is what a node used during a time window.',
  ),
  [`${METRICS}PodMetrics`]: metrics(
    'PodMetrics',
    { containers: { type: 'array', items: object({ name: string, usage: quantities }, ['name', 'usage']) } },
    'PodMetrics is what the containers of a pod used during a time window.',
  ),
}
