// core.ts - the hub without its listeners, keys and web: store, fleet, controllers and scheduler, as programs and simulators run it
import type { Clock } from '../shared/clock.ts'
import { builtinKinds } from '../shared/kinds/builtin.ts'
import { NAMESPACE } from '../shared/kinds/namespace.ts'
import type { Pod } from '../shared/kinds/object.ts'
import { POD } from '../shared/kinds/pod.ts'
import { createRegistry, type Registry } from '../shared/kinds/registry.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import { inOrder, type Service } from '../shared/service.ts'
import { withAdmission } from './admission.ts'
import { createCustomKinds } from './api/crd.ts'
import type { Broker } from './broker/broker.ts'
import { checkBudgets } from './api/subresources/eviction.ts'
import { hubSettings, type HubConfig } from './config.ts'
import { createControllers } from './controllers/controllers.ts'
import { createGarbageCollector } from './controllers/garbage/controller.ts'
import { createNamespaceController } from './controllers/namespace/controller.ts'
import { createPodGarbage } from './controllers/pod-garbage.ts'
import { createFleet, type Fleet } from './fleet/fleet.ts'
import { createRecovery, createRecoveryNote } from './fleet/recovery.ts'
import type { Pki } from './fleet/pki.ts'
import { createRevocations, type Revocations } from './fleet/revocations.ts'
import { createScheduler } from './scheduler/scheduler.ts'
import { createEventRecorder, type EventRecorder } from './store/events.ts'
import { HISTORY_LIMITS } from './store/history.ts'
import type { Journal } from './store/journal.ts'
import { createMemoryStore, type MemoryStore } from './store/memory-store.ts'
import { createObjects, type Objects } from './store/objects.ts'

export type CoreConfig = Pick<
  HubConfig,
  'beatEvery' | 'unreachableToleration' | 'watchHistory' | 'eventTtl' | 'advertiseMqttPort'
> &
  Partial<Pick<HubConfig, 'autoRebalance' | 'rebalancePerHour' | 'meteredBeatEvery'>>

export interface HubCoreDeps {
  config: CoreConfig
  journal: Journal
  /** Started and stopped with the fleet. */
  broker: Broker
  pki: Pki
  /** Started with the core; in memory when nobody brings one. */
  revocations?: Revocations
  clock: Clock
  random: Random
  log: Log
  /** How long this machine has been asleep in all; absent where it never sleeps. */
  sleptMs?(): number
  /** Called once when the hub must end, because it could forget what it has promised. */
  onFatal(error: unknown): void
}

export interface HubCore extends Service {
  readonly store: MemoryStore
  readonly objects: Objects
  readonly registry: Registry
  readonly events: EventRecorder
  readonly fleet: Fleet
}

export function createHubCore(deps: HubCoreDeps): HubCore {
  const { config, journal, broker, pki, clock, random, log, onFatal } = deps
  const registry = createRegistry(builtinKinds)
  const store = createMemoryStore({ journal, clock, log, onFatal, ...historyOf(config) })
  const plainObjects = createObjects({ store, namespaces: NAMESPACE, clock, random })
  const objects = withAdmission(plainObjects, { unreachableTolerationMs: config.unreachableToleration })
  const events = createEventRecorder({ objects, clock, random, log, ttlMs: config.eventTtl })
  const revocations = deps.revocations ?? createRevocations({ clock, log })
  const shared = { store, objects, events, revocations, clock, random, log, kinds: registry, registry }
  const fleet = createFleet({
    ...shared,
    broker,
    pki,
    ...(deps.sleptMs && { sleptMs: deps.sleptMs }),
    settings: {
      beatEveryMs: config.beatEvery,
      ...(config.meteredBeatEvery !== undefined && { meteredBeatEveryMs: config.meteredBeatEvery }),
      mqttPort: () => config.advertiseMqttPort || broker.port,
      epoch: () => store.identity.epoch,
    },
  })
  const services = inOrder([
    store,
    revocations,
    createRecoveryNote(shared),
    // First of all that looks at kinds: a namespace must not count as empty while one of them is unknown.
    createCustomKinds(shared),
    createNamespaceController(shared),
    events,
    createGarbageCollector(shared),
    createPodGarbage({ ...shared, fences: fleet.leases }),
    ...createControllers({
      ...shared,
      fences: fleet.leases,
      settings: {
        clusterCaPem: pki.caPem,
        tolerationSeconds: Math.round(config.unreachableToleration / 1000),
        ...(config.autoRebalance && { rebalance: rebalanceBy(config, objects) }),
      },
    }),
    createScheduler(shared),
    createRecovery(shared),
    fleet,
  ])
  return { ...services, store, objects, registry, events, fleet }
}

/** As `kubectl drain` would do it: a disruption budget has the last word. */
const rebalanceBy = ({ rebalancePerHour = hubSettings.rebalancePerHour.initial }: CoreConfig, objects: Objects) => ({
  movesPerHour: rebalancePerHour,
  evict(pod: Pod) {
    checkBudgets(pod, objects)
    objects.delete(POD, pod.metadata.namespace, pod.metadata.name, { preconditions: { uid: pod.metadata.uid } })
  },
})

const historyOf = ({ watchHistory }: CoreConfig) => ({ historyLimits: { ...HISTORY_LIMITS, changes: watchHistory } })
