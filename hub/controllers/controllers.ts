// controllers.ts - all controllers of workloads, wired to what they share
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import { createAvailabilityJudge } from './availability.ts'
import { createDaemonSetController } from './daemonset/controller.ts'
import { createDeploymentController } from './deployment/controller.ts'
import { TOLERATION_SECONDS_DEFAULT } from './default-tolerations.ts'
import type { ControllerDeps, Fences } from './deps.ts'
import { createReturns } from './disconnect/returns.ts'
import { createQueuedPods } from './queued-pods.ts'
import { createRebalance, type RebalanceDeps } from './rebalance.ts'
import { createReplicaSetController } from './replicaset/controller.ts'
import { createServiceAccountController } from './service-account.ts'
import { createStopwatch } from './stopwatch.ts'
import { createTaintEviction } from './taint-eviction.ts'

export interface ControllersDeps {
  store: Store
  objects: Objects
  events: EventRecorder
  clock: Clock
  random: Random
  log: Log
  fences: Fences
  settings: {
    /** PEM of the CA behind the API's certificate: every namespace gets it in `kube-root-ca.crt`. */
    clusterCaPem?: string
    tolerationSeconds?: number
    /** Absent: pods are moved only by people. */
    rebalance?: Pick<RebalanceDeps, 'evict' | 'movesPerHour'>
  }
}

/** In no particular order: each looks at the store alone. */
export function createControllers({ events, settings, ...shared }: ControllersDeps): Service[] {
  const stopwatch = createStopwatch(shared.clock)
  const availability = createAvailabilityJudge(createStopwatch(shared.clock))
  const depsOf = (component: string): ControllerDeps => ({
    ...shared,
    stopwatch,
    availability,
    tolerationSeconds: settings.tolerationSeconds ?? TOLERATION_SECONDS_DEFAULT,
    recordEvent: (about, severity, reason, message) =>
      events.record({ about: referenceTo(about), severity, reason, message, component }),
  })
  return [
    createDeploymentController(depsOf('deployment-controller')),
    createReplicaSetController(depsOf('replicaset-controller')),
    createDaemonSetController(depsOf('daemonset-controller')),
    createQueuedPods(depsOf('queued-pods-controller')),
    createReturns(depsOf('reconnect-controller')),
    createTaintEviction(depsOf('taint-eviction-controller')),
    ...(settings.rebalance ? [createRebalance({ ...depsOf('rebalance-controller'), ...settings.rebalance })] : []),
    createServiceAccountController({ ...depsOf('serviceaccount-controller'), clusterCaPem: settings.clusterCaPem }),
  ]
}
