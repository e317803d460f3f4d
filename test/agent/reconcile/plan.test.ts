// plan.test.ts - the plan as a table: what is seen and remembered on the left, the next steps on the right
import t from 'tap'
import { containersOf } from '../../../agent/reconcile/pod-shape.ts'
import { planPod } from '../../../agent/reconcile/plan.ts'
import { newMemory, type PodMemory } from '../../../agent/reconcile/pod-memory.ts'
import { ALL_WELL, type ProbeResult } from '../../../agent/reconcile/probe-result.ts'
import { specHashOf } from '../../../agent/reconcile/spec-hash.ts'
import type { Step } from '../../../agent/reconcile/step.ts'
import type { ContainerHistory } from '../../../agent/cache/cache.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import type { Pod, PodSpec } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'

const NOW = 1_000_000
const ONE = pod('web')
const TWO = pod('web', { containers: [container(), container({ name: 'log' })] })

type Seen = Partial<Omit<ObservedContainer, 'identity'>> & { attempt?: number; hash?: string }

function seen(given: Pod, name: string, rest: Seen = {}): ObservedContainer {
  const { attempt = 0, hash, ...others } = rest
  const shape = containersOf(given).find((one) => one.name === name)
  const state = others.state ?? 'running'
  return {
    id: `${name || 'sandbox'}-${attempt}`,
    identity: {
      podUid: given.metadata.uid,
      namespace: 'default',
      pod: given.metadata.name,
      container: name,
      role: name === '' ? 'sandbox' : (shape?.role ?? 'app'),
      attempt,
      specHash: hash ?? (shape ? specHashOf(given, shape) : 'sandbox'),
    },
    state,
    createdAtMs: 1,
    ...(state !== 'created' && { startedAtMs: 2 }),
    ...(state === 'exited' && { finishedAtMs: 3, exitCode: 0 }),
    image: 'my-image',
    imageId: 'sha256:1',
    ...others,
  }
}

interface Row {
  pod?: Pod
  intent?: 'run' | 'prepare' | 'stop'
  observed?: ObservedContainer[]
  histories?: ContainerHistory[]
  remember?: (memory: PodMemory) => void
  probe?: Partial<ProbeResult>
}

function plan({ pod: given = ONE, intent = 'run', observed = [], histories = [], remember, probe }: Row) {
  const memory = newMemory()
  memory.volumes = { kind: 'ready' }
  for (const { name, spec } of containersOf(given))
    memory.images.set(name, { image: spec.image ?? '', kind: 'ready', info: { id: 'sha256:1', user: '' } })
  remember?.(memory)
  const result = planPod({
    pod: given,
    intent,
    observed,
    histories,
    memory,
    probe: () => ({ ...ALL_WELL, ...probe }),
    nowMonoMs: NOW,
  })
  return {
    steps: result.steps.map(words),
    ...(result.wakeAtMonoMs !== undefined && { wakeInMs: result.wakeAtMonoMs - NOW }),
  }
}

function words(step: Step): string {
  switch (step.do) {
    case 'make':
      return `make ${step.container.name}#${step.attempt} ${step.network.kind}${step.processesOf ? ` beside ${step.processesOf}` : ''}`
    case 'fetchImage':
      return `fetch ${step.container.name}`
    case 'rehearse':
      return `rehearse ${step.container.name}`
    case 'makeSandbox':
      return `sandbox #${step.attempt}`
    case 'beginStop':
      return `stop ${step.id} ${step.why} ${step.graceMs}`
    case 'prepareVolumes':
    case 'cleanVolumes':
      return step.do
    default:
      return `${step.do} ${step.id}`
  }
}

const history = (name: string, rest: Partial<ContainerHistory> = {}): ContainerHistory => ({
  podUid: ONE.metadata.uid,
  container: name,
  attempt: 0,
  restarts: 0,
  crashes: 0,
  ...rest,
})
const spec = (rest: Partial<PodSpec>): Pod => ({ ...ONE, spec: { ...ONE.spec, ...rest } })
const exited = (rest: Seen = {}) => seen(ONE, 'app', { state: 'exited', exitCode: 1, ...rest })

t.test('A pod that runs as it should needs nothing', async (t) => {
  t.same(plan({ observed: [seen(ONE, 'app')] }), { steps: [] })
  t.same(plan({ pod: TWO, observed: [seen(TWO, ''), seen(TWO, 'app'), seen(TWO, 'log')] }), { steps: [] })
})

t.test('A pod that is not there is made: volumes, image, sandbox where two share a network, containers', async (t) => {
  t.same(plan({ remember: (memory) => (memory.volumes = { kind: 'none' }) }).steps, ['prepareVolumes'])
  t.same(plan({ remember: (memory) => memory.images.clear() }).steps, ['fetch app'])
  t.same(plan({}).steps, ['make app#0 own'])
  t.same(plan({ pod: TWO }).steps, ['sandbox #0'])
  t.same(plan({ pod: TWO, observed: [seen(TWO, '')] }).steps, ['make app#0 shared', 'make log#0 shared'])
  t.same(plan({ pod: spec({ hostNetwork: true }) }).steps, ['make app#0 host'])
  const both = { ...TWO, spec: { ...TWO.spec, hostNetwork: true } }
  t.same(plan({ pod: both }).steps, ['make app#0 host', 'make log#0 host'])
  t.same(plan({ pod: spec({ runtimeClassName: 'process' }) }).steps, ['make app#0 host'])
})

t.test('A pod that waits its turn gets volumes and images and is rehearsed, and nothing of it is made', async (t) => {
  const waits = { pod: TWO, intent: 'prepare' } as const
  t.same(plan({ ...waits, remember: (memory) => (memory.volumes = { kind: 'none' }) }).steps, ['prepareVolumes'])
  t.same(plan({ ...waits, remember: (memory) => memory.images.clear() }).steps, ['fetch app', 'fetch log'])
  t.same(plan(waits).steps, ['rehearse app', 'rehearse log'])
  const passed = (memory: PodMemory) => void memory.rehearsals.set('app', 'passed').set('log', 'stale')
  t.same(plan({ ...waits, remember: passed }).steps, ['rehearse log'])
  const failed = (memory: PodMemory) =>
    memory.failures
      .set('app', { reason: 'CreateContainerConfigError', message: '', count: 1, retryAtMonoMs: NOW + 7 })
      .set('log', { reason: 'CreateContainerConfigError', message: '', count: 1, retryAtMonoMs: NOW + 9 })
  t.same(plan({ ...waits, remember: failed }), { steps: [], wakeInMs: 7 })
})

t.test('Whoever asks for the address of the pod in its environment gets a sandbox first', async (t) => {
  const env = [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]
  t.same(plan({ pod: spec({ containers: [container({ env })] }) }).steps, ['sandbox #0'])
})

t.test('What was made and not started is started, unless it was made from something else', async (t) => {
  t.same(plan({ observed: [seen(ONE, 'app', { state: 'created' })] }).steps, ['start app-0'])
  t.same(plan({ observed: [seen(ONE, 'app', { state: 'created', hash: 'old' })] }).steps, ['remove app-0'])
})

t.test(
  'A container that ended restarts by policy: first at once, then 1 s, 2 s ... and never more than 5 min apart',
  async (t) => {
    const ended = (crashes: number, exitCode = 1, policy?: string) =>
      plan({
        pod: spec(policy ? { restartPolicy: policy } : {}),
        observed: [exited({ exitCode })],
        histories: [history('app', { crashes })],
        remember: (memory) => memory.exits.set('app-0', NOW),
      })
    t.same(ended(1), { steps: ['make app#1 own'] })
    t.same(ended(2), { steps: [], wakeInMs: 1_000 })
    t.same(ended(3), { steps: [], wakeInMs: 2_000 })
    t.same(ended(9), { steps: [], wakeInMs: 128_000 })
    t.same(ended(40), { steps: [], wakeInMs: 300_000 })
    t.same(ended(1, 0, 'Always'), { steps: ['make app#1 own'] })
    t.same(ended(1, 0, 'OnFailure'), { steps: [] })
    t.same(ended(1, 1, 'OnFailure'), { steps: ['make app#1 own'] })
    t.same(ended(1, 1, 'Never'), { steps: [] })
  },
)

t.test('A new spec does not pay for the crashes of the old one', async (t) => {
  const found = plan({ observed: [exited({ hash: 'old' })], histories: [history('app', { crashes: 9 })] })
  t.same(found, { steps: ['make app#1 own'] })
})

t.test('What ended while nobody looked starts at once, however often it crashed before', async (t) => {
  const found = plan({
    observed: [exited()],
    histories: [history('app', { crashes: 9 })],
    remember: (memory) => memory.exits.set('app-0', Number.NEGATIVE_INFINITY),
  })
  t.same(found, { steps: ['make app#1 own'] })
})

t.test('A container that vanished runs again, but not in a pod that runs once', async (t) => {
  t.same(plan({ histories: [history('app', { attempt: 4 })] }).steps, ['make app#5 own'])
  t.same(plan({ pod: spec({ restartPolicy: 'Never' }), histories: [history('app')] }).steps, [])
})

t.test('A changed spec stops the old one gracefully, then makes a new one, whatever the policy', async (t) => {
  const old = seen(ONE, 'app', { hash: 'old' })
  t.same(plan({ observed: [old] }).steps, ['stop app-0 changed 30000'])
  const stop = { why: 'changed', graceMs: 30_000, begunAtMonoMs: NOW, hook: 'none' } as const
  const never = spec({ restartPolicy: 'Never' })
  const remember = (memory: PodMemory) => memory.stops.set('app-0', stop)
  t.same(plan({ pod: never, observed: [{ ...exited(), id: 'app-0' }], remember }).steps, ['make app#1 own'])
})

t.test('A failed liveness probe stops the container, with the grace of the probe where it has one', async (t) => {
  const probe = { live: false, failed: 'liveness' } as const
  t.same(plan({ observed: [seen(ONE, 'app')], probe }).steps, ['stop app-0 unhealthy 30000'])
  const short = spec({ containers: [container({ livenessProbe: { terminationGracePeriodSeconds: 3 } })] })
  t.same(plan({ pod: short, observed: [seen(short, 'app')], probe }).steps, ['stop app-0 unhealthy 3000'])
})

t.test('A stop goes from hook to TERM to KILL, each in its time, and KILL is repeated', async (t) => {
  const at = (rest: object, grace = 10_000) =>
    plan({
      intent: 'stop',
      pod: { ...ONE, metadata: { ...ONE.metadata, deletionGracePeriodSeconds: grace / 1000 } },
      observed: [seen(ONE, 'app')],
      remember: (memory) =>
        memory.stops.set('app-0', { why: 'pod', graceMs: 10_000, begunAtMonoMs: NOW - 4_000, hook: 'none', ...rest }),
    })
  t.same(at({ hook: 'running' }), { steps: [], wakeInMs: 6_000 })
  t.same(at({ hook: 'done' }), { steps: ['terminate app-0'] })
  t.same(at({}), { steps: ['terminate app-0'] })
  t.same(at({ terminatedAtMonoMs: NOW - 4_000 }), { steps: [], wakeInMs: 6_000 })
  t.same(at({ terminatedAtMonoMs: NOW - 4_000 }, 2_000), { steps: ['kill app-0'] }, 'a shortened grace counts')
  t.same(at({ terminatedAtMonoMs: NOW - 4_000 }, 60_000), { steps: [], wakeInMs: 6_000 }, 'a longer one does not')
  const late = { begunAtMonoMs: NOW - 11_000, hook: 'done', terminatedAtMonoMs: NOW - 500 }
  t.same(at(late), { steps: [], wakeInMs: 1_500 }, 'two seconds after a hook that used up the grace')
  t.same(at({ terminatedAtMonoMs: NOW - 4_000, killedAtMonoMs: NOW - 1_000 }), { steps: [], wakeInMs: 4_000 })
  t.same(at({ terminatedAtMonoMs: NOW - 9_000, killedAtMonoMs: NOW - 6_000 }), { steps: ['kill app-0'] })
})

t.test('No grace at all means KILL at once', async (t) => {
  const now: Pod = { ...ONE, metadata: { ...ONE.metadata, deletionGracePeriodSeconds: 0 } }
  t.same(plan({ intent: 'stop', pod: now, observed: [seen(now, 'app')] }).steps, ['kill app-0'])
})

t.test('A pod ends in order: the app, its sidecars in reverse, then everything is taken away', async (t) => {
  const sidecar = (name: string) => container({ name, restartPolicy: 'Always' })
  const web = spec({ initContainers: [sidecar('one'), sidecar('two')] })
  const box = seen(web, '')
  const stop = (observed: ObservedContainer[]) => plan({ intent: 'stop', pod: web, observed }).steps
  const [one, two, app] = [seen(web, 'one'), seen(web, 'two'), seen(web, 'app')]
  t.same(stop([box, one, two, app]), ['stop app-0 pod 30000'])
  const ended = { ...app, state: 'exited' as const }
  t.same(stop([box, one, two, ended]), ['stop two-0 pod 30000'])
  t.same(stop([box, one, ended]), ['stop one-0 pod 30000'])
  t.same(stop([box, ended]), ['remove sandbox-0', 'remove app-0'])
  t.same(stop([]), ['cleanVolumes'])
  t.same(plan({ intent: 'stop', pod: web, remember: (memory) => (memory.volumes = { kind: 'cleaned' }) }), {
    steps: [],
  })
})

t.test('A sandbox that died takes its containers with it, and there are never two', async (t) => {
  const dead = seen(TWO, '', { state: 'exited' })
  t.same(plan({ pod: TWO, observed: [dead, seen(TWO, 'app')] }).steps, ['stop app-0 sandbox 30000'])
  t.same(plan({ pod: TWO, observed: [dead] }).steps, ['remove sandbox-0'])
  t.same(plan({ pod: TWO, observed: [seen(TWO, '', { state: 'created' })] }).steps, ['start sandbox-0'])
  const second = { ...seen(TWO, '', { attempt: 1 }), createdAtMs: 9 }
  const all = [seen(TWO, ''), second, seen(TWO, 'app'), seen(TWO, 'log')]
  t.same(plan({ pod: TWO, observed: all }).steps, ['remove sandbox-1'])
})

t.test('Only the one before is kept; duplicates and strangers go', async (t) => {
  const all = [
    exited({ attempt: 0 }),
    exited({ attempt: 1 }),
    seen(ONE, 'app', { attempt: 2 }),
    seen(ONE, 'gone', { state: 'exited' }),
  ]
  t.same(plan({ observed: all }).steps, ['remove app-0', 'remove gone-0'])
  const twin = { ...seen(ONE, 'app'), id: 'twin', createdAtMs: 9 }
  t.same(plan({ observed: [seen(ONE, 'app'), twin] }).steps, ['stop twin leftover 30000'])
})

t.test(
  'A pod that has done its work lets its sidecar and its sandbox go, and keeps the ended for their logs',
  async (t) => {
    const job = spec({
      restartPolicy: 'Never',
      initContainers: [container({ name: 'proxy', restartPolicy: 'Always' })],
    })
    const done = seen(job, 'app', { state: 'exited' })
    t.same(plan({ pod: job, observed: [seen(job, ''), seen(job, 'proxy'), done] }).steps, ['stop proxy-0 pod 30000'])
    const proxy = seen(job, 'proxy', { state: 'exited' })
    t.same(plan({ pod: job, observed: [seen(job, ''), proxy, done] }).steps, ['remove sandbox-0'])
    t.same(plan({ pod: job, observed: [proxy, done] }).steps, [])
  },
)

t.test('What failed is tried again when its time has come, not before', async (t) => {
  const failure = { reason: 'ErrImagePull', message: 'no', count: 1, retryAtMonoMs: NOW + 500 }
  const failed = (retryAtMonoMs: number) =>
    plan({
      remember: (memory) =>
        memory.images.set('app', { image: 'my-image', kind: 'failed', failure: { ...failure, retryAtMonoMs } }),
    })
  t.same(failed(NOW + 500), { steps: [], wakeInMs: 500 })
  t.same(failed(NOW), { steps: ['fetch app'] })
  t.same(plan({ remember: (memory) => memory.images.set('app', { image: 'my-image', kind: 'pulling' }) }), {
    steps: [],
  })
  t.same(plan({ remember: (memory) => memory.failures.set('app', failure) }), { steps: [], wakeInMs: 500 })
  t.same(plan({ remember: (memory) => (memory.volumes = { kind: 'failed', failure }) }), { steps: [], wakeInMs: 500 })
})

t.test('An ephemeral container is made once its target runs, and sees the processes of that', async (t) => {
  const debug = { ...container({ name: 'debug' }), targetContainerName: 'two' }
  const web = spec({ containers: [container(), container({ name: 'two' })], ephemeralContainers: [debug] })
  const withTwo = (state: 'running' | 'exited') =>
    plan({ pod: web, observed: [seen(web, ''), seen(web, 'app'), seen(web, 'two', { state })] }).steps
  t.same(withTwo('exited'), ['make two#1 shared'])
  t.same(withTwo('running'), ['make debug#0 shared beside two-0'])
})

t.test('An ephemeral container joins the network of the app, once', async (t) => {
  const web = spec({ ephemeralContainers: [{ ...container({ name: 'debug' }) }] })
  t.same(plan({ pod: web, observed: [seen(web, 'app')] }).steps, ['make debug#0 shared'])
  const ended = seen(web, 'debug', { state: 'exited', exitCode: 1 })
  t.same(plan({ pod: web, observed: [seen(web, 'app'), ended] }).steps, [])
})
