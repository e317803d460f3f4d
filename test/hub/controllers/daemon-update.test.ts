// daemon-update.test.ts - no update of a DaemonSet, from any state, takes more devices out of service than it may or leaves one with nothing to run; and each one ends
import fc from 'fast-check'
import t from 'tap'
import { planManage } from '../../../hub/controllers/daemonset/manage.ts'
import { pinnedTo } from '../../../hub/controllers/daemonset/placement.ts'
import { planRolling } from '../../../hub/controllers/daemonset/rolling.ts'
import {
  daemonBounds,
  daemonView,
  REVISION_HASH_LABEL,
  type DaemonView,
  type NodeView,
} from '../../../hub/controllers/daemonset/view.ts'
import { isActive, isReady } from '../../../hub/controllers/pod-state.ts'
import type { DaemonSet, Node, Pod } from '../../../shared/kinds/object.ts'
import { AFTER, afterOf, KEEPS_ORDER_LABEL, predecessorsOf, PREPARED } from '../../../shared/succession.ts'
import { daemonSet, node, pod, ready, stored, withLabels } from '../../support/builders.ts'

interface World {
  daemonSet: DaemonSet
  nodes: Node[]
  pods: Pod[]
}

const viewOf = ({ daemonSet: set, nodes, pods }: World): DaemonView =>
  daemonView({
    daemonSet: set,
    hash: 'new',
    nodes,
    pods,
    judge: (given) => (isReady(given) ? 'available' : 'not ready'),
  })

const daemonPod = (nodeName: string, hash: string, after: readonly Pod[] = []): Pod => {
  const made = withLabels(pod(`${hash}-${nodeName}`), { [REVISION_HASH_LABEL]: hash })
  const annotations = { [AFTER]: afterOf(after) }
  return { ...made, metadata: { ...made.metadata, annotations }, spec: pinnedTo(made.spec, nodeName) }
}

const readyOn = (given: Pod, nodeName: string): Pod => ready(given, nodeName)
const marked = (given: Pod): Pod => ({ ...given, metadata: { ...given.metadata, deletionTimestamp: 'now' } })

/** One step of the controller, as its thin part carries it out. */
function stepController(world: World): boolean {
  const before = world.pods
  for (const plan of [planManage, planRolling]) {
    const steps = plan(viewOf(world))
    const gone = new Set(steps.delete)
    world.pods = world.pods.map((given) =>
      gone.has(given) && !given.metadata.deletionTimestamp ? marked(given) : given,
    )
    world.pods = [...world.pods, ...steps.create.map(({ nodeName, after }) => daemonPod(nodeName, 'new', after))]
  }
  return world.pods.length !== before.length || world.pods.some((given, place) => given !== before[place])
}

const isPrepared = ({ status }: Pod) => status?.conditions?.some(({ type }) => type === PREPARED) ?? false
const prepared = (given: Pod, nodeName: string): Pod => ({
  ...given,
  spec: { ...given.spec, nodeName },
  status: { phase: 'Pending', conditions: [{ type: PREPARED, status: 'True' }] },
})
const waits = (given: Pod, pods: readonly Pod[]) =>
  pods.some(({ metadata: { uid } }) => predecessorsOf(given).includes(uid))

/**
 * What the scheduler and the devices do: bind, make ready what waits for another, start what does not, and end what was
 * told to go. Those that are away do nothing but take what is bound to them.
 */
function nextOf(given: Pod, { name, offline, pods }: NodeView): Pod | 'gone' | undefined {
  const isBound = given.spec.nodeName !== undefined
  if (given.metadata.deletionTimestamp) return offline && isBound ? undefined : 'gone'
  if (!isBound) return { ...given, spec: { ...given.spec, nodeName: name } }
  if (offline || isReady(given)) return undefined
  if (!waits(given, pods)) return readyOn(given, name)
  return isPrepared(given) ? undefined : prepared(given, name)
}

function stepDevices(world: World, pick: number): boolean {
  const open = viewOf(world).nodes.flatMap((place) =>
    place.pods.flatMap((given) => {
      const next = nextOf(given, place)
      return next === undefined ? [] : [{ given, next, place }]
    }),
  )
  const chosen = open[pick % Math.max(1, open.length)]
  if (!chosen) return false
  const { given, next, place } = chosen
  const others = place.pods.filter((other) => other !== given)
  if (next !== 'gone' && isReady(next) && place.keepsOrder && !surges(world) && others.some(isReady))
    throw new Error(`${place.name} runs two`)
  world.pods = world.pods.flatMap((one) => (one !== given ? [one] : next === 'gone' ? [] : [next]))
  return true
}

const surges = (world: World) => daemonBounds(viewOf(world)).maxSurge > 0

/** Cut off at this moment, a device has something that it runs, or will run when what it was told to stop has ended. */
function assertNoneEmptied(world: World): void {
  for (const { name, keepsOrder, pods } of viewOf(world).nodes) {
    const held = pods.filter(({ spec }) => spec.nodeName)
    if (keepsOrder && held.length > 0 && held.every(({ metadata }) => metadata.deletionTimestamp))
      throw new Error(`${name} has been told to stop all that it has`)
  }
}

const serving = (world: World) =>
  viewOf(world).nodes.filter(({ offline, pods }) => !offline && pods.some((given) => isActive(given) && isReady(given)))
    .length

const bound = fc.oneof(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`),
)
const device = fc.record({
  away: fc.boolean(),
  keepsOrder: fc.boolean(),
  has: fc.constantFrom('nothing', 'old', 'old and ready', 'new', 'new and ready'),
})

const worlds = fc
  .record({ devices: fc.array(device, { maxLength: 8 }), surges: fc.boolean(), size: bound })
  // A function: every run needs a world of its own to change.
  .map(({ devices, surges, size }) => (): World => {
    const rollingUpdate = surges ? { maxSurge: size, maxUnavailable: 0 } : { maxSurge: 0, maxUnavailable: size }
    const nodes = devices.map(({ away, keepsOrder }, place) =>
      node(`node-${place}`, {
        ready: away ? 'Unknown' : 'True',
        labels: { [KEEPS_ORDER_LABEL]: String(keepsOrder) },
      }),
    )
    const pods = devices.flatMap(({ has }, place) => {
      if (has === 'nothing') return []
      const made = daemonPod(`node-${place}`, has.startsWith('old') ? 'old' : 'new')
      const there = { ...made, spec: { ...made.spec, nodeName: `node-${place}` } }
      return [has.endsWith('ready') ? readyOn(made, `node-${place}`) : there]
    })
    const set = stored(daemonSet('log', { updateStrategy: { type: 'RollingUpdate', rollingUpdate } }))
    return { daemonSet: set, nodes, pods }
  })

t.test(
  'An update of a DaemonSet keeps within its bounds whatever runs first, and ends on all devices that are there',
  async (t) => {
    const property = fc.property(
      worlds,
      fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 }),
      (newWorld, dice) => {
        const world = newWorld()
        const { maxUnavailable } = daemonBounds(viewOf(world))
        const online = viewOf(world).nodes.filter(({ offline }) => !offline).length
        const act = (die: number) => {
          const before = serving(world)
          const moved = die % 2 === 0 ? stepController(world) : stepDevices(world, die)
          const floor = Math.min(before, online - maxUnavailable)
          if (serving(world) < floor) throw new Error(`${serving(world)} devices serve, at least ${floor} must`)
          assertNoneEmptied(world)
          return moved
        }
        for (const die of dice) act(die)
        let rounds = 0
        for (let moved = true; moved; rounds++) {
          moved = act(0)
          moved = act(1) || moved
          if (rounds > 200) throw new Error('it never ends')
        }
        for (const { name, offline, pods } of viewOf(world).nodes) {
          const isDone =
            pods.length === 1 &&
            pods.every((given) => isReady(given) && given.metadata.labels?.[REVISION_HASH_LABEL] === 'new')
          if (!offline && !isDone)
            throw new Error(`${name} ended with ${pods.map(({ metadata }) => metadata.name).join(', ')}`)
        }
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  },
)
