// workloads.ts - what the fleet of a run is asked to run, and how the programs in it behave
import type { ContainerSpec } from '../../agent/runtime/runtime.ts'
import { LOST_AFTER, ON_DISCONNECT, ON_RECONNECT, SINGLETON } from '../../shared/disconnect-policy.ts'
import type { DaemonSet, Deployment, NewObject, Pod, PodSpec } from '../../shared/kinds/object.ts'
import type { FakeBehaviour } from '../support/fake-container.ts'
import type { Chance } from './chance.ts'
import { BEHAVIOURS, type Behaviour, type Policy } from './options.ts'
import type { Timeline } from './timeline.ts'

export interface Wanted {
  name: string
  behaviour: Behaviour
  image: string
  policy: Policy
}

export const VERSIONS_MAX = 200
export const imageOf = (version: number): string => `app:${Math.min(version, VERSIONS_MAX)}`
export const IMAGES: readonly string[] = Array.from({ length: VERSIONS_MAX }, (_, index) => imageOf(index + 1))

const GRACE_SECONDS = 5
/** Asked every three seconds, twice in vain: sick. */
const PROBED: readonly Behaviour[] = ['sick', 'slow', 'stubborn']
const LIVENESS = { exec: { command: ['health'] }, periodSeconds: 3, failureThreshold: 2 }

function podSpecOf({ behaviour, image }: Wanted): PodSpec {
  const main = {
    name: 'main',
    image,
    args: [behaviour],
    ...(PROBED.includes(behaviour) && { livenessProbe: LIVENESS }),
  }
  const second = { name: 'second', image, args: ['steady'] }
  return {
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: behaviour === 'double' ? [main, second] : [main],
  }
}

/** Only what is not the default, as people write it. */
function annotationsOf({ policy }: Wanted): Record<string, string> {
  const { onDisconnect, onReconnect, lostAfterSeconds, isSingleton } = policy
  return {
    ...(isSingleton && { [SINGLETON]: 'true' }),
    ...(onDisconnect !== 'replace' && { [ON_DISCONNECT]: onDisconnect }),
    ...(onReconnect !== 'keep-replacement' && { [ON_RECONNECT]: onReconnect }),
    ...((isSingleton || onDisconnect === 'stop') && { [LOST_AFTER]: `${lostAfterSeconds}s` }),
  }
}

const templateOf = (wanted: Wanted) => ({
  metadata: { labels: { app: wanted.name }, annotations: annotationsOf(wanted) },
  spec: podSpecOf(wanted),
})
const selectorOf = ({ name }: Wanted) => ({ matchLabels: { app: name } })
const metadataOf = ({ name }: Wanted) => ({ name, namespace: 'default' })

export const deploymentOf = (wanted: Wanted & { replicas: number }): NewObject<Deployment> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: metadataOf(wanted),
  spec: {
    replicas: wanted.replicas,
    selector: selectorOf(wanted),
    template: templateOf(wanted),
    ...(wanted.name.endsWith('2') && { strategy: { type: 'Recreate' } }),
  },
})

export const daemonSetOf = (wanted: Wanted): NewObject<DaemonSet> => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: metadataOf(wanted),
  spec: { selector: selectorOf(wanted), template: templateOf(wanted) },
})

export const podOf = (wanted: Wanted): NewObject<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadataOf(wanted), labels: { app: wanted.name }, annotations: annotationsOf(wanted) },
  spec: { ...podSpecOf(wanted), ...(wanted.behaviour === 'brief' && { restartPolicy: 'OnFailure' }) },
})

const WELL = () => ({ exitCode: 0 })

export interface Programs {
  behaviourOf(spec: ContainerSpec): FakeBehaviour
  /** Whether the program in it has stopped to answer. */
  isSick(spec: ContainerSpec): boolean
  /** No program does anything wrong any more. */
  heal(): void
}

/** The programs of one device. */
export function createPrograms({ timeline, chance }: { timeline: Timeline; chance: Chance }): Programs {
  let isHealed = false
  const sickAtMs = new WeakMap<ContainerSpec, number>()
  return {
    isSick: (spec) => timeline.nowMs >= (sickAtMs.get(spec) ?? Infinity),
    heal: () => void (isHealed = true),
    behaviourOf(spec) {
      const behaviour = BEHAVIOURS.find((word) => word === spec.args?.[0]) ?? 'steady'
      switch (behaviour) {
        case 'crashing':
          return isHealed ? {} : { exitAfterMs: chance.between(200, 8_000), exitCode: chance.pick([0, 1, 139]) }
        case 'slow':
          return { termMs: chance.between(500, 8_000), exec: WELL }
        case 'stubborn':
          return { ignoresTerm: true, exec: WELL }
        case 'sick': {
          if (isHealed) return { exec: WELL }
          const atMs = timeline.nowMs + chance.between(1_000, 60_000)
          sickAtMs.set(spec, atMs)
          return { exec: () => ({ exitCode: timeline.nowMs >= atMs ? 1 : 0 }) }
        }
        case 'brief':
          return isHealed ? {} : { exitAfterMs: chance.between(200, 30_000), exitCode: chance.pick([0, 1]) }
        case 'steady':
        case 'double':
          return {}
      }
    },
  }
}
