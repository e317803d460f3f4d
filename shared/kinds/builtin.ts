// builtin.ts - the table of built-in kinds, in the order in which discovery lists them
import { HORIZONTAL_POD_AUTOSCALER, HORIZONTAL_POD_AUTOSCALER_V1 } from './autoscaling.ts'
import { CRON_JOB, JOB } from './batch.ts'
import { CONFIG_MAP } from './config-map.ts'
import { CONTROLLER_REVISION } from './controller-revision.ts'
import { LIMIT_RANGE, POD_TEMPLATE, REPLICATION_CONTROLLER, RESOURCE_QUOTA } from './core-stored.ts'
import { CUSTOM_RESOURCE_DEFINITION } from './custom-resource-definition.ts'
import { DAEMON_SET } from './daemon-set.ts'
import { DEPLOYMENT } from './deployment.ts'
import { ENDPOINT_SLICE, ENDPOINTS } from './endpoints.ts'
import { EVENT, EVENT_V1 } from './event.ts'
import type { Kind } from './kind.ts'
import { LEASE } from './lease.ts'
import { NAMESPACE } from './namespace.ts'
import { INGRESS, NETWORK_POLICY } from './networking.ts'
import { NODE } from './node.ts'
import { POD } from './pod.ts'
import { POD_DISRUPTION_BUDGET } from './policy.ts'
import { CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING } from './rbac.ts'
import { REPLICA_SET } from './replica-set.ts'
import { metricsKinds, reviewKinds } from './reviews.ts'
import { PRIORITY_CLASS } from './scheduling.ts'
import { SECRET } from './secret.ts'
import { SERVICE_ACCOUNT } from './service-account.ts'
import { SERVICE } from './service.ts'
import { STATEFUL_SET } from './stateful-set.ts'
import { PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS } from './storage.ts'

/** Metrics come last: their plurals are those of core, and "pods" must mean pods. */
export const builtinKinds: readonly Kind[] = [
  NAMESPACE,
  NODE,
  POD,
  SERVICE,
  CONFIG_MAP,
  SECRET,
  SERVICE_ACCOUNT,
  ENDPOINTS,
  EVENT,
  PERSISTENT_VOLUME_CLAIM,
  PERSISTENT_VOLUME,
  LIMIT_RANGE,
  RESOURCE_QUOTA,
  REPLICATION_CONTROLLER,
  POD_TEMPLATE,
  DEPLOYMENT,
  REPLICA_SET,
  DAEMON_SET,
  STATEFUL_SET,
  CONTROLLER_REVISION,
  EVENT_V1,
  JOB,
  CRON_JOB,
  HORIZONTAL_POD_AUTOSCALER,
  HORIZONTAL_POD_AUTOSCALER_V1,
  POD_DISRUPTION_BUDGET,
  INGRESS,
  NETWORK_POLICY,
  ROLE,
  ROLE_BINDING,
  CLUSTER_ROLE,
  CLUSTER_ROLE_BINDING,
  STORAGE_CLASS,
  CUSTOM_RESOURCE_DEFINITION,
  PRIORITY_CLASS,
  LEASE,
  ENDPOINT_SLICE,
  ...reviewKinds,
  ...metricsKinds,
]
