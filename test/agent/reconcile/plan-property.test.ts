// plan-property.test.ts - whatever is found on a device, the plan spares what matches and comes to rest
import fc from 'fast-check'
import t from 'tap'
import { planPod } from '../../../agent/reconcile/plan.ts'
import { newMemory } from '../../../agent/reconcile/pod-memory.ts'
import { containersOf, needsSandbox } from '../../../agent/reconcile/pod-shape.ts'
import { ALL_WELL } from '../../../agent/reconcile/probe-result.ts'
import { specHashOf } from '../../../agent/reconcile/spec-hash.ts'
import type { Step } from '../../../agent/reconcile/step.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'

const aPod = fc
  .record({
    apps: fc.integer({ min: 1, max: 3 }),
    inits: fc.integer({ min: 0, max: 2 }),
    sidecars: fc.integer({ min: 0, max: 1 }),
    restartPolicy: fc.constantFrom('Always', 'OnFailure', 'Never'),
    hostNetwork: fc.boolean(),
  })
  .map(({ apps, inits, sidecars, ...rest }): Pod =>
    pod('web', {
      ...rest,
      containers: Array.from({ length: apps }, (_, at) => container({ name: `app${at}` })),
      initContainers: [
        ...Array.from({ length: inits }, (_, at) => container({ name: `init${at}` })),
        ...Array.from({ length: sidecars }, () => container({ name: 'proxy', restartPolicy: 'Always' })),
      ],
    }),
  )

interface Found {
  slot: number
  attempt: number
  state: ObservedContainer['state']
  matches: boolean
  exitCode: number
}
const found: fc.Arbitrary<Found> = fc.record({
  slot: fc.integer({ min: 0, max: 6 }),
  attempt: fc.integer({ min: 0, max: 3 }),
  state: fc.constantFrom('created', 'running', 'exited'),
  matches: fc.boolean(),
  exitCode: fc.constantFrom(0, 1),
})

/** slot 0 is a sandbox, then the pod's own containers, then one that the pod does not have. */
function observe(given: Pod, { slot, attempt, state, matches, exitCode }: Found, at: number): ObservedContainer {
  const shape = slot === 0 ? undefined : containersOf(given)[slot - 1]
  const role = slot === 0 ? 'sandbox' : (shape?.role ?? 'app')
  const specHash = shape && matches ? specHashOf(given, shape) : 'other'
  const name = slot === 0 ? '' : (shape?.name ?? 'stranger')
  return {
    id: `found-${at}`,
    identity: {
      podUid: given.metadata.uid,
      namespace: 'default',
      pod: 'web',
      container: name,
      role,
      attempt,
      specHash,
    },
    state,
    createdAtMs: at,
    ...(state !== 'created' && { startedAtMs: at }),
    ...(state === 'exited' && { finishedAtMs: at, exitCode }),
    image: 'my-image',
    imageId: 'sha256:1',
  }
}

const touched = (step: Step) => ('id' in step && step.do !== 'start' ? step.id : undefined)

/** A world that does at once what it is told. */
function carryOut(step: Step, world: ObservedContainer[], given: Pod, made: number): ObservedContainer[] {
  const change = (id: string, next: Partial<ObservedContainer>) =>
    world.map((one) => (one.id === id ? { ...one, ...next } : one))
  const add = (name: string, role: ObservedContainer['identity']['role'], attempt: number, specHash: string) => {
    const identity = {
      podUid: given.metadata.uid,
      namespace: 'default',
      pod: 'web',
      container: name,
      role,
      attempt,
      specHash,
    }
    // Init containers do their work at once.
    const isOver = role === 'init' && name !== 'proxy'
    const base = {
      id: `made-${made}`,
      identity,
      createdAtMs: 1_000 + made,
      startedAtMs: 1_000 + made,
      image: 'my-image',
      imageId: 'sha256:1',
    }
    return [
      ...world,
      isOver ? { ...base, state: 'exited' as const, exitCode: 0 } : { ...base, state: 'running' as const },
    ]
  }
  switch (step.do) {
    case 'make':
      return add(step.container.name, step.container.role, step.attempt, step.specHash)
    case 'makeSandbox':
      return add('', 'sandbox', step.attempt, 'sandbox')
    case 'start':
      return change(step.id, { state: 'running', startedAtMs: 1 })
    case 'kill':
    case 'terminate':
      return change(step.id, { state: 'exited', exitCode: 143, finishedAtMs: 2 })
    case 'remove':
      return world.filter(({ id }) => id !== step.id)
    default:
      return world
  }
}

t.test(
  'Whatever is found, what matches is spared, there are never two sandboxes, and the plan comes to rest',
  async (t) => {
    const property = fc.property(
      aPod,
      fc.array(found, { maxLength: 8 }),
      fc.constantFrom('run' as const, 'stop' as const),
      (given, all, intent) => {
        const memory = newMemory()
        let world = all.map((one, at) => observe(given, one, at))
        let now = 0
        let made = 0
        for (let round = 0; round < 200; round++) {
          const plan = planPod({
            pod: given,
            intent,
            observed: world,
            histories: [],
            memory,
            probe: () => ALL_WELL,
            nowMonoMs: now,
          })
          if (intent === 'run') spares(given, world, plan.steps)
          for (const step of plan.steps) {
            if (step.do === 'prepareVolumes') memory.volumes = { kind: 'ready' }
            if (step.do === 'cleanVolumes') memory.volumes = { kind: 'cleaned' }
            if (step.do === 'fetchImage')
              memory.images.set(step.container.name, { image: 'my-image', kind: 'ready', info: { id: '', user: '' } })
            if (step.do === 'beginStop')
              memory.stops.set(step.id, { why: step.why, graceMs: step.graceMs, begunAtMonoMs: now, hook: 'none' })
            world = carryOut(step, world, given, ++made)
          }
          if (plan.steps.length > 0) continue
          // An init container that was found running does its work now.
          const working = world.find(
            (one) => one.state === 'running' && one.identity.role === 'init' && one.identity.container !== 'proxy',
          )
          if (working)
            world = world.map((one) =>
              one === working ? { ...one, state: 'exited', exitCode: 0, finishedAtMs: 2 } : one,
            )
          if (working) continue
          if (plan.wakeAtMonoMs === undefined) return isAtRest(given, world, intent)
          if (plan.wakeAtMonoMs <= now) throw new Error('a wait that is over and nothing to do')
          now = plan.wakeAtMonoMs
        }
        throw new Error('the plan does not come to rest')
      },
    )
    fc.assert(property, { numRuns: 400 })
    t.pass('for 400 random devices')
  },
)

function spares(given: Pod, world: readonly ObservedContainer[], steps: readonly Step[]) {
  const sandboxes = world.filter(({ identity }) => identity.role === 'sandbox')
  if (steps.some((step) => step.do === 'makeSandbox') && sandboxes.length > 0) throw new Error('a second sandbox')
  const hasNetwork = !needsSandbox(given) || sandboxes.some(({ state }) => state === 'running')
  const touchedIds = new Set(steps.flatMap((step) => touched(step) ?? []))
  for (const { name, role } of containersOf(given)) {
    const matching = world.filter(
      (one) => one.identity.container === name && one.identity.role === role && one.state === 'running',
    )
    const right = matching.filter(
      (one) =>
        one.identity.specHash ===
        specHashOf(
          given,
          containersOf(given).find((c) => c.name === name)!,
        ),
    )
    if (right.length === 0 || !hasNetwork || isTerminal(given, world)) continue
    if (right.every(({ id }) => touchedIds.has(id))) throw new Error(`${name} matches and is touched`)
  }
}

/** Nothing of the pod is started any more: its policy says that it is done, or its init has failed. */
function isTerminal(given: Pod, world: readonly ObservedContainer[]) {
  return given.spec.restartPolicy !== 'Always' && world.some(({ state }) => state === 'exited')
}

function isAtRest(given: Pod, world: readonly ObservedContainer[], intent: 'run' | 'stop') {
  if (intent === 'stop') return world.length === 0
  const sandboxes = world.filter(({ identity }) => identity.role === 'sandbox')
  if (sandboxes.length > 1) return false
  if (given.spec.restartPolicy !== 'Always') return true
  return given.spec.containers.every(
    ({ name }) => world.filter((one) => one.identity.container === name && one.state === 'running').length === 1,
  )
}
