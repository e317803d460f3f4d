// rolling-update.test.ts - no rolling update, from any state, takes more down or puts more up than it may; and each one ends
import fc from 'fast-check'
import t from 'tap'
import { planSizes, planRevision } from '../../../hub/controllers/deployment/plan.ts'
import { sizeAnnotations } from '../../../hub/controllers/deployment/annotations.ts'
import { boundsOf, deploymentView, type SetView } from '../../../hub/controllers/deployment/view.ts'
import { deploymentStatus } from '../../../hub/controllers/deployment/status.ts'
import { rolloutOf } from '../../../hub/controllers/rollout.ts'
import { deletionOrder } from '../../../hub/controllers/replicaset/ranking.ts'
import { planReplicas, slowStartBatches } from '../../../hub/controllers/replicaset/plan.ts'
import type { Deployment, Pod, ReplicaSet } from '../../../shared/kinds/object.ts'
import { deployment, meta, pod, ready, replicaSet, stored, template } from '../../support/builders.ts'

interface World {
  deployment: Deployment
  sets: ReplicaSet[]
  /** By the name of their set. */
  pods: Map<string, Pod[]>
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
const podsOf = (world: World, set: ReplicaSet) => world.pods.get(set.metadata.name) ?? []
const allPods = (world: World) => world.sets.flatMap((set) => podsOf(world, set))
const available = (world: World) => allPods(world).filter(isReady).length
/** A pod that was told to go, and turns ready before it has gone, was never to be counted on. */
const lastingAvailable = (world: World) =>
  world.sets.reduce((sum, set) => sum + Math.min(set.spec.replicas ?? 1, podsOf(world, set).filter(isReady).length), 0)

function viewOf(world: World) {
  const views = world.sets.map((set): SetView => {
    const pods = podsOf(world, set)
    const wanted = set.spec.replicas ?? 1
    const readyCount = pods.filter(isReady).length
    return { set, wanted, active: pods.length, ready: readyCount, available: Math.min(wanted, readyCount), away: 0 }
  })
  return deploymentView(world.deployment, views, () => 0)
}

/** One step of the Deployment's controller, as its thin part carries it out. */
function stepDeployment(world: World): boolean {
  const before = JSON.stringify(world.sets)
  for (const plan of [planRevision, planSizes])
    for (const step of plan(viewOf(world))) {
      if (step.do === 'create') world.sets.push(stored(step.set))
      else if (step.do === 'scale' || step.do === 'refresh')
        world.sets = world.sets.map((set) => (set === step.set ? changed(set, step) : set))
    }
  return JSON.stringify(world.sets) !== before
}

const changed = (
  set: ReplicaSet,
  step: { annotations: Readonly<Record<string, string>>; to?: number },
): ReplicaSet => ({
  ...set,
  metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...step.annotations } },
  spec: { ...set.spec, replicas: step.to ?? set.spec.replicas },
})

function stepSet(world: World, set: ReplicaSet): boolean {
  const pods = podsOf(world, set)
  const step = planReplicas(set, pods, () => allPods(world))
  if (step.do === 'create')
    world.pods.set(set.metadata.name, [
      ...pods,
      ...Array.from({ length: step.count }, (_, index) => pod(`${set.metadata.name}-${pods.length + index}`)),
    ])
  if (step.do === 'delete')
    world.pods.set(
      set.metadata.name,
      pods.filter((found) => !step.pods.includes(found)),
    )
  return step.do !== 'nothing'
}

function makeReady(world: World, pick: number): boolean {
  const waiting = allPods(world).filter((found) => !isReady(found))
  const chosen = waiting[pick % Math.max(1, waiting.length)]
  if (!chosen) return false
  for (const [name, pods] of world.pods)
    world.pods.set(
      name,
      pods.map((found) => (found === chosen ? ready(found) : found)),
    )
  return true
}

const bound = fc.oneof(
  fc.integer({ min: 0, max: 4 }),
  fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
)

/** Any mixture of old ReplicaSets, with ready and unready pods, that never had more than the update allows. */
const worlds = fc
  .record({
    replicas: fc.integer({ min: 0, max: 12 }),
    maxSurge: bound,
    maxUnavailable: bound,
    old: fc.array(fc.record({ size: fc.integer({ min: 0, max: 6 }), ready: fc.integer({ min: 0, max: 6 }) }), {
      maxLength: 3,
    }),
  })
  // A function: every run needs a world of its own to change.
  .map(({ replicas, maxSurge, maxUnavailable, old }): (() => World) => () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } }
    const made = stored(deployment('web', { replicas, strategy }))
    const bounds = boundsOf({ deployment: made, desired: replicas })
    const world: World = { deployment: made, sets: [], pods: new Map() }
    let room = replicas + bounds.maxSurge
    for (const [place, { size, ready: readyCount }] of old.entries()) {
      const count = Math.min(size, room)
      room -= count
      const name = `web-old-${place}`
      const annotations = sizeAnnotations(replicas, bounds.maxSurge)
      const set = stored(replicaSet(name, { replicas: count, template: template(`old:${place}`) }), {
        annotations,
      })
      world.sets.push(set)
      world.pods.set(
        name,
        Array.from({ length: count }, (_, index) =>
          index < readyCount ? ready(pod(`${name}-${index}`)) : pod(`${name}-${index}`),
        ),
      )
    }
    return world
  })

t.test('A rolling update keeps within its bounds whatever runs first, and it ends', async (t) => {
  const property = fc.property(worlds, fc.array(fc.nat(1_000), { minLength: 60, maxLength: 60 }), (newWorld, dice) => {
    const world = newWorld()
    const desired = world.deployment.spec.replicas ?? 1
    const { maxSurge, maxUnavailable } = boundsOf({ deployment: world.deployment, desired })
    const check = (before: number) => {
      const floor = Math.min(before, desired - maxUnavailable)
      const left = Math.min(available(world), lastingAvailable(world))
      if (left < floor) throw new Error(`${left} available, at least ${floor} must be`)
      if (allPods(world).length > desired + maxSurge)
        throw new Error(`${allPods(world).length} pods for ${desired} + ${maxSurge}`)
    }
    const act = (die: number) => {
      const before = lastingAvailable(world)
      const actions = [
        () => stepDeployment(world),
        () => makeReady(world, die),
        ...world.sets.map((set) => () => stepSet(world, set)),
      ]
      const moved = actions[die % actions.length]?.() ?? false
      check(before)
      return moved
    }
    for (const die of dice) act(die)
    // Then everybody cooperates, in a fixed order, until nobody has anything left to do.
    let rounds = 0
    for (let moved = true; moved; rounds++) {
      moved = false
      for (let die = 0; die < world.sets.length + 2; die++) moved = act(die) || moved
      if (rounds > 200) throw new Error('it never ends')
    }
    const newest = viewOf(world).newest
    if (newest?.available !== desired || allPods(world).length !== desired)
      throw new Error(`ended with ${newest?.available} of ${desired} new and ${allPods(world).length} in all`)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
})

t.test('Scaling in the middle of a rollout gives every ReplicaSet its share', async (t) => {
  const made = (replicas: number) =>
    stored(
      deployment('web', {
        replicas,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
      }),
    )
  const set = (name: string, image: string, replicas: number) =>
    stored(replicaSet(name, { replicas, template: template(image) }), {
      annotations: sizeAnnotations(10, 3),
    })
  const world: World = {
    deployment: made(15),
    sets: [set('web-a', 'old:1', 8), set('web-b', 'my-image:1', 5)],
    pods: new Map(),
  }
  const sizes = () => Object.fromEntries(world.sets.map(({ metadata, spec }) => [metadata.name, spec.replicas]))
  stepDeployment(world)
  t.same(sizes(), { 'web-a': 11, 'web-b': 7 }, 'the documented example: 15 + 3 shared as 8 to 5')
  world.deployment = made(0)
  stepDeployment(world)
  t.same(sizes(), { 'web-a': 0, 'web-b': 0 })
})

t.test('A Deployment without enough pods says that it is not available', async (t) => {
  const world: World = { deployment: stored(deployment('web')), sets: [], pods: new Map() }
  const status = deploymentStatus({
    view: viewOf(world),
    rollout: rolloutOf([], 3),
    collisionCount: 0,
    created: false,
    stalledMs: undefined,
    now: '2026-11-20T12:00:00Z',
  })
  t.match(status, {
    unavailableReplicas: 3,
    conditions: [{ type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' }],
  })
})

t.test('The pods that serve least are deleted first', async (t) => {
  const cost = (value: string) => ({
    metadata: meta('cheap', { annotations: { 'controller.kubernetes.io/pod-deletion-cost': value } }),
  })
  const unassigned = pod('unassigned')
  const pending = { ...pod('pending'), spec: { containers: [], nodeName: 'node-1' } }
  const unready = { ...ready(pod('unready'), 'node-1'), status: { phase: 'Running' } }
  const cheap = ready({ ...pod('cheap'), ...cost('-5') }, 'node-2')
  const doubled = ready(pod('doubled'), 'node-1')
  const young = ready(pod('young'), 'node-3', '2026-11-20T12:30:00Z')
  const restarted = { ...ready(pod('restarted'), 'node-4') }
  restarted.status = {
    ...restarted.status,
    containerStatuses: [{ name: 'app', restartCount: 7, image: '', imageID: '', ready: true }],
  }
  const old = ready(pod('old'), 'node-5')
  const order = [unassigned, pending, unready, cheap, doubled, young, restarted, old]
  const shuffled = [old, young, doubled, unready, restarted, unassigned, cheap, pending]
  t.same(
    deletionOrder(shuffled, shuffled).map(({ metadata }) => metadata.name),
    order.map(({ metadata }) => metadata.name),
  )
})

t.test('Pods are created in batches that double', async (t) => {
  t.same(slowStartBatches(10), [1, 2, 4, 3])
  t.same(slowStartBatches(0), [])
})
