// hold.test.ts - a pod that may not run now stops as on a deletion, keeps everything, and goes on when it may
import t from 'tap'
import { planPod } from '../../../agent/reconcile/plan.ts'
import { newMemory, type PodMemory } from '../../../agent/reconcile/pod-memory.ts'
import { ALL_WELL } from '../../../agent/reconcile/probe-result.ts'
import { containersOf } from '../../../agent/reconcile/pod-shape.ts'
import { specHashOf } from '../../../agent/reconcile/spec-hash.ts'
import type { PodFacts } from '../../../agent/reconcile/life.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import { pod } from '../../support/builders.ts'

const NOW = 1_000_000
const ONE = pod('web', { terminationGracePeriodSeconds: 5 })

function seen(state: ObservedContainer['state']): ObservedContainer {
  const [shape] = containersOf(ONE)
  const names = { podUid: ONE.metadata.uid, namespace: 'default', pod: 'web', container: 'app', role: 'app' } as const
  return {
    id: 'app-0',
    identity: { ...names, attempt: 0, specHash: shape ? specHashOf(ONE, shape) : '' },
    ...{ state, createdAtMs: 1, startedAtMs: 2, image: 'my-image', imageId: 'sha256:1' },
    ...(state === 'exited' && { finishedAtMs: 3, exitCode: 0 }),
  }
}

function steps(intent: PodFacts['intent'], observed: ObservedContainer[], remember?: (memory: PodMemory) => void) {
  const memory = newMemory()
  memory.volumes = { kind: 'ready' }
  memory.images.set('app', { image: 'my-image', kind: 'ready', info: { id: 'sha256:1', user: '' } })
  remember?.(memory)
  const plan = planPod({ pod: ONE, intent, observed, histories: [], memory, probe: () => ALL_WELL, nowMonoMs: NOW })
  return plan.steps.map((step) => step.do)
}

const stopped = (memory: PodMemory) => {
  memory.stops.set('app-0', { why: 'lease', graceMs: 5_000, begunAtMonoMs: NOW - 9_000, hook: 'none' })
  memory.exits.set('app-0', Number.NEGATIVE_INFINITY)
}

t.test('What runs is told to end, in order', async (t) => t.same(steps('hold', [seen('running')]), ['beginStop']))
t.test('Nothing is started, nothing is taken away', async (t) => {
  t.same(steps('hold', []), [])
  t.same(steps('hold', [seen('created')]), [])
  t.same(steps('hold', [seen('exited')], stopped), [])
})
t.test('When it may run again it does so at once', async (t) => {
  t.same(steps('run', [seen('exited')], stopped), ['make'])
  t.same(steps('run', [seen('created')]), ['start'])
})
