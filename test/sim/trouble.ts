// trouble.ts - what goes wrong: each kind of fault as one function that begins it, and sees to its end
import { topicOf } from '../../shared/protocol/topics.ts'
import { seal } from '../../shared/protocol/envelope.ts'
import { canonicalJson } from '../../shared/hash.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { FORGED_REASON } from './hub-rules.ts'
import { DAMAGES, type Damage } from './agent-damage.ts'
import type { Fault } from './options.ts'
import { HUB_SIGNER, STRANGER_SIGNER } from './signing.ts'
import { restoreHub } from './restore.ts'
import type { Site } from './site.ts'
import type { World } from './world.ts'

const SECOND = 1_000
const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const JUMPS_MS = [-HOUR, HOUR, -10 * YEAR, 10 * YEAR, 90 * SECOND, -90 * SECOND]
/** Single rows most of all: the rest has to come through whole. And a card that was replaced loses all at once. */
const DAMAGED: readonly Damage[] = [...DAMAGES, 'rows flipped', 'rows torn', 'rows torn', 'all lost']

type Begin = (world: World, site: Site) => void

/** Mostly somebody starts it again soon. */
const downMs = ({ chance, options }: World) =>
  chance.is(options.longOutages) ? chance.between(12_000, 120_000) : chance.between(100, 12_000)

function cutPower(world: World, site: Site, damage?: Damage): void {
  const { chance } = world
  site.device.cutPower({ downMs: downMs(world), containersGone: chance.is(0.1), ...(damage && { damage }) })
}

/** For a while nothing flows in these directions. */
function block(world: World, { device }: Site, directions: readonly ('up' | 'down')[]): void {
  const { chance, options, network, timeline, trace } = world
  const forMs = chance.is(options.longOutages)
    ? chance.pick([30 * SECOND, 120 * SECOND])
    : chance.pick([3 * SECOND, 10 * SECOND])
  trace.note('network', `${device.name}: nothing flows ${directions.join(' and ')}`, { forMs })
  for (const direction of directions) network.setFlow(device.name, direction, false)
  for (const direction of directions) {
    // One way often comes back before the other.
    timeline.after(chance.is(0.5) ? forMs : forMs * chance.float(), () => {
      trace.note('network', `${device.name}: flows ${direction} again`)
      network.setFlow(device.name, direction, true)
    })
  }
}

/** Its answers are cut off first, then its words; what was on its way to it all that time arrives before it is heard again. */
function failLink(world: World, { device }: Site): void {
  const { chance, network, timeline, trace } = world
  const steps = [
    ['down', false, 0],
    ['up', false, chance.between(2, 10)],
    ['down', true, chance.pick([5, 20, 40])],
    ['up', true, chance.between(1, 40)],
  ] as const
  let atMs = 0
  for (const [direction, flows, afterSeconds] of steps) {
    atMs += afterSeconds * SECOND
    timeline.after(atMs, () => {
      trace.note('network', `${device.name}: ${flows ? 'flows' : 'nothing flows'} ${direction}`)
      network.setFlow(device.name, direction, flows)
    })
  }
}

function engineDown({ chance, timeline, trace }: World, { device }: Site, containersEnd: boolean): void {
  if (!device.isOn || !device.daemon.isUp) return
  trace.note(device.name, 'the engine goes down', { containersEnd })
  device.daemon.goDown(containersEnd)
  timeline.after(chance.between(500, 40_000), () => {
    if (device.isOn && !device.daemon.isUp) device.daemon.comeUp()
  })
}

/** What was recorded is sent again, to whom it was meant for or to another, as it was or with a bit turned. */
function replay({ chance, network, recorded, trace }: World, { device }: Site): void {
  const [circuit] = network.circuits(device.name)
  if (!circuit || recorded.length === 0) return
  const { node, payload } = chance.pick(recorded)
  const bytes = Buffer.from(payload)
  if (chance.is(0.3)) bytes[chance.between(0, bytes.length - 1)]! ^= 1 << chance.between(0, 7)
  trace.note('network', `replays a state of ${node} to ${device.name}`)
  circuit.send('down', 'state', bytes)
}

/** Somebody on the way makes up a state in which nothing is to run; he knows everything but the key. */
function forgeState({ network, trace }: World, { device, rules }: Site): void {
  const [circuit] = network.circuits(device.name)
  const { held } = rules
  if (!circuit || !held) return
  trace.note('network', `a forged state for ${device.name}`)
  const body = Buffer.from(canonicalJson({ ...held, pods: [], revision: held.revision + 1_000 }))
  const signer = { keyId: HUB_SIGNER.keyId, sign: STRANGER_SIGNER.sign }
  circuit.send('down', 'state', seal({ topic: topicOf(device.name, 'state'), body, signer }))
}

/** A device that was taken over says what it likes about the pods of all. */
function forgeStatus({ hub, network, trace }: World, { device }: Site): void {
  const core = hub.core
  const session = core?.fleet.session(device.name)
  const [circuit] = network.circuits(device.name)
  if (!core || session === undefined || !circuit) return
  trace.note('network', `${device.name} speaks for others`)
  const foreign = core.objects
    .list(POD)
    .filter(({ spec }) => spec.nodeName !== undefined && spec.nodeName !== device.name)
  const pods = foreign.map(({ metadata: { uid, name, namespace = '' } }) => ({
    uid,
    name,
    namespace,
    status: { phase: 'Running', reason: FORGED_REASON },
    stopped: true,
  }))
  // Beside the truth about its own: a report is whole, and what it says of itself nobody can check.
  const own = device.agent?.cache.report()
  if (!own) return
  const report = { ...own, pods: [...own.pods, ...pods] }
  const body = Buffer.from(canonicalJson({ type: 'status', session, seq: 0, report }))
  circuit.send('up', 'status', seal({ topic: topicOf(device.name, 'status'), body }))
}

export const TROUBLES: Readonly<Record<Fault, Begin>> = {
  'hub crash': (world) => world.hub.crash({ isPowerLoss: false, downMs: downMs(world) }),
  'hub power loss'(world, site) {
    world.hub.crash({ isPowerLoss: true, downMs: downMs(world) })
    // What feeds the hub often feeds a switch too.
    if (world.chance.is(0.6)) block(world, site, ['up', 'down'])
  },
  'hub restart': (world) => world.hub.restart(downMs(world)),
  'hub slow disk'({ chance, hubDisk, timeline }) {
    hubDisk.slowMs = chance.pick([50, 500, 5_000])
    timeline.after(chance.between(1_000, 20_000), () => (hubDisk.slowMs = 0))
  },
  'hub disk error': ({ hubDisk }) => void (hubDisk.failsNext = true),
  'hub restore': (world) => restoreHub(world, true),
  'hub silent restore': (world) => restoreHub(world, false),
  'hub wall jump': ({ chance, hubClock, trace }) => {
    const byMs = chance.pick(JUMPS_MS)
    trace.note('hub', 'the wall clock jumps', byMs)
    hubClock.jumpWall(byMs)
  },
  'agent crash': (world, { device }) => device.crashAgent(downMs(world)),
  'agent restart': (world, { device }) => device.restartAgent(downMs(world)),
  'power loss': (world, site) => cutPower(world, site),
  'cut while writing'(world, site) {
    site.device.disk.cutAfterWrites(world.chance.between(1, 8), () => cutPower(world, site))
  },
  'disk damage'(world, site) {
    const { chance } = world
    const damage = chance.pick(DAMAGED)
    // Mostly what runs goes on, and would be stopped by whoever takes an empty disk for an order.
    if (damage === 'writes lost' || chance.is(0.3)) return cutPower(world, site, damage)
    // It hurts a running agent as soon as it reads it, or at its next start.
    if (damage === 'rows flipped') return site.device.disk.spoilCommit(chance.between(1, 8), 'flipped')
    if (damage === 'rows torn' && chance.is(0.5)) return site.device.disk.spoilCommit(chance.between(1, 8), 'torn')
    site.device.crashAgent(downMs(world), damage)
  },
  'disk full'({ chance, timeline, trace, sessionRules }, { device, rules }) {
    trace.note(device.name, 'the disk is full')
    device.disk.isFull = true
    // What has no room to write down does not always live long.
    if (chance.is(0.3)) timeline.after(chance.between(500, 20_000), () => device.crashAgent(1_000))
    // What cannot be written down is not remembered after a restart.
    rules.forgetful()
    sessionRules.excuse(device.name)
    timeline.after(chance.between(2_000, 40_000), () => (device.disk.isFull = false))
  },
  'wall jump': ({ chance, trace }, { device }) => {
    const byMs = chance.pick(JUMPS_MS)
    trace.note(device.name, 'the wall clock jumps', byMs)
    device.clock.jumpWall(byMs)
  },
  'engine restart': (world, site) => engineDown(world, site, false),
  'engine crash': (world, site) => engineDown(world, site, true),
  'link drop'({ network, trace }, { device }) {
    trace.note('network', `${device.name}: the link drops`)
    for (const circuit of network.circuits(device.name)) circuit.breakUp('connection reset')
  },
  partition: (world, site) => block(world, site, ['up', 'down']),
  'one way up': (world, site) => block(world, site, ['down']),
  'one way down': (world, site) => block(world, site, ['up']),
  'failing link': failLink,
  'half open'({ network, trace }, { device }) {
    trace.note('network', `${device.name}: half open`)
    for (const circuit of network.circuits(device.name)) circuit.goSilent()
  },
  'slow link'({ chance, network, timeline }, { device }) {
    network.setSlowness(device.name, chance.pick([5, 30]))
    timeline.after(chance.between(5_000, 60_000), () => network.setSlowness(device.name, 1))
  },
  replay,
  'forged state': forgeState,
  'forged status': forgeStatus,
}
