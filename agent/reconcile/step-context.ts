// step-context.ts - what carrying out a step needs: the parts that are shared, and the pod at that moment
import type { Clock } from '../../shared/clock.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { Cache } from '../cache/cache.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ConfigSource } from './config-source.ts'
import type { DevicePolicy } from './device-policy.ts'
import type { Events } from './events.ts'
import type { Guard } from './guard.ts'
import type { NodeIdentity } from './field-ref.ts'
import type { Images } from './images.ts'
import type { Limiter } from './limiter.ts'
import type { PodMemory } from './pod-memory.ts'
import type { Volumes } from './volumes.ts'

/** What a pod is to become. */
export interface Target {
  pod: Pod
  intent: 'run' | 'stop'
  config: ConfigSource
  /** Undefined: this device has no such runtime. */
  runtime: Runtime | undefined
}

export interface ExecutorDeps {
  clock: Clock
  log: Log
  cache: Pick<Cache, 'histories' | 'saveHistory'>
  events: Events
  guard: Guard
  images: Images
  volumes: Volumes
  node: NodeIdentity
  policy: DevicePolicy
  /** Of the device, now. */
  bootId?: string
  /** Few containers start at the same time, so that a small device does not choke on its own boot. */
  starts: Limiter
}

/** One pod at the moment of the step. */
export interface StepContext {
  pod: Pod
  runtime: Runtime
  memory: PodMemory
  config: ConfigSource
  podIp: string | undefined
  networkId: string | undefined
  /** The pod is to go, or the agent is. */
  signal: AbortSignal
  /** Something that a step began in the background has ended. */
  poke(): void
  /** It found that the runtime does not answer. */
  lostRuntime(error: Error): void
}
