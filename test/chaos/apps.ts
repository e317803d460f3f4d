// apps.ts - the workloads that chaos happens to: on both runtimes, with each policy, and one that may run only once
import { ON_DISCONNECT, ON_RECONNECT, SINGLETON, LOST_AFTER } from '../../shared/disconnect-policy.ts'
import type { Chance } from '../sim/chance.ts'
import { stubborn } from '../support/spans.ts'

export interface App {
  name: string
  runtime: 'process' | 'docker'
  annotations: Readonly<Record<string, string>>
}

export const ONCE = 'once'

const TIED = 'tied'

const APPS: readonly App[] = [
  { name: 'plain', runtime: 'process', annotations: {} },
  { name: 'loyal', runtime: 'process', annotations: { [ON_RECONNECT]: 'keep-original' } },
  { name: 'old', runtime: 'process', annotations: { [ON_RECONNECT]: 'keep-longest-running' } },
  { name: 'fit', runtime: 'process', annotations: { [ON_RECONNECT]: 'keep-healthiest' } },
  { name: TIED, runtime: 'process', annotations: { [ON_DISCONNECT]: 'stop', [LOST_AFTER]: '10s' } },
  { name: 'web', runtime: 'docker', annotations: {} },
  { name: 'patient', runtime: 'docker', annotations: { [ON_DISCONNECT]: 'wait' } },
]

/** Of pods whose device stops them when it hears no hub; they may go on in the same pod. */
export const isLeased = (pod: string): boolean => [ONCE, TIED].some((name) => pod.startsWith(`${name}-`))

export const appsFor = (hasEngine: boolean) => APPS.filter(({ runtime }) => hasEngine || runtime === 'process')

const REPLICAS_MAX = 4
const IMAGES = ['my-image:latest', 'my-image:v2']
/** Who did it last, so that what the hub has can be told from what it should have. */
export const WISH = 'chaos.holdfast.dev/wish'

export interface Shape {
  replicas: number
  image: string
  word: string
}

export const firstShape: Shape = { replicas: 2, image: 'my-image:latest', word: 'first' }

/** One thing is another than it was, as with `kubectl scale`, `set image`, `edit`. */
export function reshape(shape: Shape, chance: Chance): Shape {
  const what = chance.pick(['replicas', 'image', 'word'] as const)
  if (what === 'replicas') return { ...shape, replicas: chance.between(0, REPLICAS_MAX) }
  if (what === 'image') return { ...shape, image: chance.pick(IMAGES) }
  return { ...shape, word: `word-${chance.between(0, 1_000)}` }
}

export const manifestOf = ({ name, runtime, annotations }: App, shape: Shape, wish: number) =>
  deployment(name, wish, shape.replicas, annotations, {
    ...(runtime === 'process' && { runtimeClassName: 'process' }),
    containers: [container(shape.image, `trap 'exit 0' TERM; echo ${shape.word}; sleep 1000000 & wait`)],
  })

export const singletonManifest = (file: string) =>
  deployment(
    ONCE,
    0,
    1,
    { [SINGLETON]: 'true', [LOST_AFTER]: '10s' },
    { runtimeClassName: 'process', containers: [container('my-image:latest', stubborn(file))] },
  )

const container = (image: string, script: string) => ({
  name: 'app',
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
})

const deployment = (name: string, wish: number, replicas: number, annotations: object, spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, annotations: { [WISH]: String(wish) } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name }, annotations }, spec: { terminationGracePeriodSeconds: 2, ...spec } },
  },
})
