// loop.ts - the device's own loop: makes what the cache wants real, with or without a hub, and says what is
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { DesiredState, NodeReport } from '../../shared/protocol/messages.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import { predecessorsOf } from '../../shared/succession.ts'
import type { Cache } from '../cache/cache.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createActiveDeadlines, type BootTime } from './active-deadline.ts'
import { configSource, type ConfigSource } from './config-source.ts'
import { createEvents } from './events.ts'
import { createExecutor } from './execute.ts'
import { noGuard, type Guard } from './guard.ts'
import type { NodeIdentity } from './field-ref.ts'
import type { DevicePolicy } from './device-policy.ts'
import { createImages } from './images.ts'
import { createLimiter } from './limiter.ts'
import { nodeConditions, type Headroom } from './node-conditions.ts'
import { createObserver } from './observer.ts'
import { runtimeOf } from './pod-shape.ts'
import { createPodWorker, type PodWorker } from './pod-worker.ts'
import { createProber } from './probes.ts'
import { createReporter } from './report.ts'
import { createRuntimeWatch, type RuntimeWatch } from './runtime-watch.ts'
import { createVolumes } from './volumes.ts'

export interface ReconcilerDeps {
  cache: Cache
  /** Started and stopped by whoever made them. */
  runtimes: readonly Runtime[]
  clock: Clock
  random: Random
  log: Log
  node: NodeIdentity
  /** Since the device was switched on; absent: init containers of pods that ran before that are not run again. */
  boot?: BootTime
  /** The agent's own folder: volumes live below it, and no pod may mount it. */
  dataDir: string
  policy: DevicePolicy
  /** What is left of memory, disk and process numbers. */
  headroom: () => Promise<Headroom>
  /** What the agent writes to the disk. */
  wear?: () => NodeReport['wear']
  /** Absent: what may run only once does not run. */
  guard?: Guard
  /** What is wrong with messages from the hub, as the link has seen it. */
  messageTrouble?: () => { refused?: string; conflict?: string }
  /** A folder in memory for Secrets; found by itself when absent. */
  memoryDir?: string
}

/** More would only make each of them slower, and the device deaf. */
const STARTS_AT_ONCE = 10
const MEASURE_EVERY_MS = 30_000

interface Managed {
  worker: PodWorker
  pod: Pod
  isWanted: boolean
}

export function createReconciler(deps: ReconcilerDeps): Service {
  const { cache, clock, log, node, guard = noGuard } = deps
  const managed = new Map<string, Managed>()
  const watches = new Map<Runtime, RuntimeWatch>()
  const observer = createObserver()
  const events = createEvents({ cache, clock })
  const volumes = createVolumes(deps)
  const given = { ...deps, ...(deps.boot && { bootId: deps.boot.bootId() }) }
  const executor = createExecutor({
    ...given,
    guard,
    events,
    volumes,
    images: createImages(),
    starts: createLimiter(STARTS_AT_ONCE),
  })
  const poke = (podUid: string) => managed.get(podUid)?.worker.poke()
  const prober = createProber({ clock, events, onChange: poke })
  const deadlines = createActiveDeadlines({ cache, clock, events, boot: deps.boot })
  let headroom: Headroom = {}
  let config: { state: DesiredState; source: ConfigSource } | undefined
  const stops: (() => void)[] = []

  const reporter = createReporter({
    cache,
    clock,
    wear: () => deps.wear?.(),
    conditions: (previous) =>
      nodeConditions({
        headroom,
        unavailable: [...watches].flatMap(([{ name }, one]) => {
          const error = one.error()
          return error === undefined ? [] : [{ name, error }]
        }),
        store: cache.health(),
        held: cache.held(),
        messages: deps.messageTrouble?.() ?? {},
        previous,
        wallMs: clock.wallMs(),
      }),
  })

  const manage = (pod: Pod): Managed => {
    const podUid = pod.metadata.uid
    const known = managed.get(podUid)
    if (known) return Object.assign(known, { pod })
    const worker = createPodWorker(podUid, {
      ...given,
      deadlines,
      guard,
      events,
      executor,
      observer,
      prober,
      hostIp: node.hostIp,
      canAsk: (runtime) => watches.get(runtime)?.isUp() ?? false,
      isOver,
      nameOf: (uid) => managed.get(uid)?.pod.metadata.name ?? uid,
      lostRuntime: (runtime, error) => watches.get(runtime)?.lost(error),
      onStatus: (status, isStopped) => {
        const now = managed.get(podUid)
        if (!now) return
        const isGone = !now.isWanted && isStopped
        // Said once already, while it was still wanted to go: nobody waits for it any more.
        if (isGone && reporter.hasStopped(podUid)) reporter.dropPod(podUid)
        else reporter.setPod(now.pod, status, isStopped)
        if (isGone) letGo(podUid)
        if (now.worker.hasEnded()) pokeFollowers(podUid)
      },
    })
    const added = { worker, pod, isWanted: true }
    managed.set(podUid, added)
    return added
  }
  /** One that nobody looks after is over when every runtime has shown that it holds nothing of it. */
  const isOver = (podUid: string) =>
    managed.get(podUid)?.worker.hasEnded() ??
    (deps.runtimes.every(({ name }) => observer.hasSeen(name)) && observer.ofPod(podUid).length === 0)
  const pokeFollowers = (podUid: string) => {
    for (const { worker, pod } of managed.values()) if (predecessorsOf(pod).includes(podUid)) worker.poke()
  }
  /** Nothing of it is left and nobody wants it. */
  const letGo = (podUid: string) => {
    const gone = managed.get(podUid)
    managed.delete(podUid)
    gone?.worker.stop().catch((error: unknown) => log.error({ podUid, error }, 'a pod could not be let go'))
    cache.forgetPod(podUid)
    guard.forget(podUid)
    events.forget(podUid)
    observer.forget(podUid)
  }
  const sourceOf = (state: DesiredState) => {
    if (config?.state !== state) config = { state, source: configSource(state) }
    return config.source
  }
  const runtimeNamed = (name: string | undefined) => deps.runtimes.find((runtime) => runtime.name === name)

  /** Compares what is wanted with who is looked after. Without a state that can be trusted nothing is touched. */
  const retarget = () => {
    const state = cache.desired()
    if (!state) return
    const source = sourceOf(state)
    const wanted = new Map(state.pods.map((pod) => [pod.metadata.uid, pod]))
    for (const pod of state.pods) {
      const intent = pod.metadata.deletionTimestamp === undefined ? 'run' : 'stop'
      const one = manage(pod)
      one.isWanted = true
      one.worker.setTarget({ pod, intent, config: source, runtime: runtimeNamed(runtimeOf(pod)) })
    }
    for (const podUid of new Set([...managed.keys(), ...observer.podUids()])) {
      if (wanted.has(podUid)) continue
      const pod = managed.get(podUid)?.pod ?? strangerOf(podUid, observer.identityOf(podUid))
      const one = manage(pod)
      one.isWanted = false
      const runtime = runtimeNamed(observer.runtimeOf(podUid) ?? runtimeOf(pod))
      one.worker.setTarget({ pod, intent: 'stop', config: source, runtime })
    }
    sweep(wanted)
    for (const { worker } of managed.values()) worker.poke()
    reporter.touch()
  }
  /** Only when every runtime has shown what it holds: a pod that is not seen may still run. */
  const sweep = (wanted: ReadonlyMap<string, Pod>) => {
    if (!deps.runtimes.every(({ name }) => observer.hasSeen(name))) return
    const isKnown = (podUid: string) => wanted.has(podUid) || managed.has(podUid)
    for (const podUid of cache.knownPods()) if (!isKnown(podUid)) cache.forgetPod(podUid)
    for (const podUid of volumes.known()) if (!isKnown(podUid)) volumes.clean(podUid)
  }
  /** Who is gone was said in the report before this state came; now it is history. */
  const onDesired = () => {
    reporter.keepOnly((podUid) => managed.has(podUid))
    retarget()
  }
  const measure = async () => {
    try {
      headroom = await deps.headroom()
    } catch (error) {
      log.warn({ error }, 'the device cannot be measured')
    }
    reporter.touch()
  }
  const watch = (runtime: Runtime) =>
    createRuntimeWatch({
      ...deps,
      runtime,
      observer,
      onListed(afterGap) {
        if (afterGap) for (const { worker } of managed.values()) worker.excuse()
        retarget()
      },
      onChanged: poke,
      onLost: reporter.touch,
    })

  return {
    async start() {
      for (const runtime of deps.runtimes) watches.set(runtime, watch(runtime))
      stops.push(cache.onDesired(onDesired), cache.onHealth(reporter.touch), guard.onChange(poke))
      // `measure` answers every error itself.
      const timer = clock.every(MEASURE_EVERY_MS, () => void measure())
      stops.push(() => timer.cancel())
      void measure()
      retarget()
      for (const one of watches.values()) await one.start()
    },
    async stop() {
      for (const stop of stops.splice(0)) stop()
      for (const one of watches.values()) await one.stop()
      reporter.stop()
      prober.stop()
      await Promise.all([...managed.values()].map(({ worker }) => worker.stop()))
      managed.clear()
    },
  }
}

/** A pod of ours that nobody remembers: its containers say no more than its name. */
const strangerOf = (uid: string, identity: { namespace: string; name: string } | undefined): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: identity?.name ?? uid,
    namespace: identity?.namespace ?? 'default',
    uid,
    resourceVersion: '',
    creationTimestamp: '',
  },
  spec: { containers: [] },
})
