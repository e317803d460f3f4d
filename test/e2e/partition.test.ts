// partition.test.ts - hub and devices on hosts of their own whose cables are cut: what runs where, by each workload's own policy
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import type { AgentProcess } from '../support/agent-process.ts'
import { cloneOf, sessionsOf, timesTold, wasSentAway } from '../support/clone.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { createLan, findNetns, type Host, type Lan } from '../support/netns.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { skipUnless } from '../support/require.ts'
import { overlap, spans, stubborn } from '../support/spans.ts'
import { apply, deploymentManifest, FOR_EVER, isReady, rolledOut, shell } from './desk.ts'

const TIMEOUT_MS = 300_000
fileWithin(t, TIMEOUT_MS)
/** A lease of 10 s ends for the hub after some 26 s, and the machine is busy. */
const WITHIN_MS = 90_000

/** One Deployment each, with what its name says. */
const POLICIES: Readonly<Record<string, Record<string, string>>> = {
  replacement: {},
  original: { 'on-reconnect': 'keep-original' },
  longest: { 'on-reconnect': 'keep-longest-running' },
  healthiest: { 'on-reconnect': 'keep-healthiest' },
  wait: { 'on-disconnect': 'wait' },
  stop: { 'on-disconnect': 'stop', 'lost-after': '10s' },
  once: { singleton: 'true', 'lost-after': '10s' },
}

interface Scene {
  t: Test
  cluster: Cluster
  lan: Lan
  /** The device that loses its link, and its cable. */
  away: AgentProcess
  cable: Host
  /** The device that is there. */
  here: AgentProcess
  /** Where the singleton says when it lives. */
  file: string
}

const withPolicy = (name: string, file: string) => {
  const said = Object.entries(POLICIES[name] ?? {}).map(([key, value]) => [`holdfast.dev/${key}`, value])
  const manifest = deploymentManifest(name, shell(name === 'once' ? stubborn(file) : FOR_EVER))
  const { template } = manifest.spec
  const spec = { ...template.spec, ...(name === 'once' && { runtimeClassName: 'process' }) }
  const metadata = { ...template.metadata, annotations: Object.fromEntries(said) }
  return { ...manifest, spec: { ...manifest.spec, template: { metadata, spec } } }
}

/** Ids of what runs on a device for a workload. */
const idsOf = async (agent: AgentProcess, app: string) =>
  (await agent.containers())
    .filter(({ name, pod, isRunning }) => isRunning && name === 'app' && pod.startsWith(`${app}-`))
    .map(({ id }) => id)

const podsOf = async ({ kubectl }: Cluster, app: string) => (await kubectl.list<Pod>(`get pods -l app=${app}`)).items

/** The one pod of the workload that is ready and counts is there, and no other is left. */
const settledOn = (cluster: Cluster, app: string, agent: AgentProcess) =>
  eventually(async () => {
    const pods = await podsOf(cluster, app)
    const shown = pods.map((pod) => `${pod.metadata.name} on ${pod.spec.nodeName} ${isReady(pod)}`).join(', ')
    const [pod] = pods
    if (pods.length !== 1 || !pod || !isReady(pod) || pod.spec.nodeName !== agent.nodeName) throw new Error(shown)
  }, WITHIN_MS)

const readyOn = (cluster: Cluster, app: string, agent: AgentProcess) =>
  eventually(async () => {
    const pods = await podsOf(cluster, app)
    return pods.some((pod) => isReady(pod) && pod.spec.nodeName === agent.nodeName)
  }, WITHIN_MS)

const nodeIs = ({ kubectl }: Cluster, agent: AgentProcess, ready: 'True' | 'Unknown') =>
  kubectl.ok(`wait --for=condition=Ready=${ready} node/${agent.nodeName} --timeout=90s`)

/** All begin on the device that will be away. */
async function begin({ cluster, away, here, file }: Scene): Promise<void> {
  const { kubectl } = cluster
  await kubectl.ok(`cordon ${here.nodeName}`)
  await apply(kubectl, ...Object.keys(POLICIES).map((name) => withPolicy(name, file)))
  for (const name of Object.keys(POLICIES)) await settledOn(cluster, name, away)
  await kubectl.ok(`uncordon ${here.nodeName}`)
}

/** Its program ends once, so that a spare of it will be the healthier one. */
async function stumble({ cluster, away }: Scene, app: string): Promise<void> {
  const [id = ''] = await idsOf(away, app)
  await cluster.engine.kill(id)
  await eventually(async () => {
    const [pod] = await podsOf(cluster, app)
    return pod !== undefined && isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1
  }, WITHIN_MS)
}

/** Packets vanish in one direction only: the device is lost, its work is not, and everything is as before afterwards. */
async function oneWay(scene: Scene, direction: 'in' | 'out'): Promise<void> {
  const { t, cluster, away, here, cable } = scene
  const before = await idsOf(away, 'wait')
  cable.cut(direction)
  await nodeIs(cluster, away, 'Unknown')
  await cluster.kubectl.ok('scale deployment wait --replicas=2')
  await readyOn(cluster, 'wait', here)
  t.same(await idsOf(away, 'wait'), before)
  cable.heal()
  await nodeIs(cluster, away, 'True')
  await rolledOut(cluster.kubectl, 'deployment/wait')
  await cluster.kubectl.ok('scale deployment wait --replicas=1')
  await eventually(async () => (await podsOf(cluster, 'wait')).length === 1, WITHIN_MS)
  await eventually(async () => {
    const ids = [...(await idsOf(away, 'wait')), ...(await idsOf(here, 'wait'))]
    if (ids.length !== 1) throw new Error(`${ids.length} containers`)
    if ((await idsOf(away, 'wait')).length === 1) t.same(ids, before, 'never made anew')
  }, WITHIN_MS)
}

const stories: Record<string, (scene: Scene) => Promise<void>> = {
  async 'The link is cut so that nobody is told, and heals: every policy is kept, and what stays is not touched'(
    scene,
  ) {
    const { t, cluster, away, here, cable, file } = scene
    await begin(scene)
    await stumble(scene, 'healthiest')
    const before = new Map<string, string[]>()
    for (const name of Object.keys(POLICIES)) before.set(name, await idsOf(away, name))

    cable.cut()
    await nodeIs(cluster, away, 'Unknown')
    for (const name of Object.keys(POLICIES)) if (name !== 'wait') await readyOn(cluster, name, here)
    const spares = [await idsOf(here, 'replacement'), await idsOf(here, 'healthiest')]
    t.same(
      spares.map(({ length }) => length),
      [1, 1],
    )
    t.same(await idsOf(here, 'wait'), [], 'what waits is started nowhere else')
    for (const name of ['replacement', 'original', 'longest', 'healthiest', 'wait'])
      t.same(await idsOf(away, name), before.get(name), `${name} goes on where it is`)
    t.same(await idsOf(away, 'stop'), [], 'what may not go on alone was stopped by its device')
    t.equal(overlap(spans(file)), undefined)

    cable.heal()
    await nodeIs(cluster, away, 'True')
    const stays = {
      ...{ replacement: here, healthiest: here, stop: here, once: here },
      ...{ original: away, longest: away, wait: away },
    }
    for (const [name, agent] of Object.entries(stays)) await settledOn(cluster, name, agent)
    await eventually(async () => {
      const { length } = (await cluster.containers()).filter(({ name, isRunning }) => isRunning && name === 'app')
      if (length !== 6) throw new Error(`${length} containers run`)
    }, WITHIN_MS)
    const kept = [await idsOf(here, 'replacement'), await idsOf(here, 'healthiest')]
    t.same(kept, spares, 'the spares have never stopped')
    for (const name of ['original', 'longest', 'wait'])
      t.same(await idsOf(away, name), before.get(name), `${name} never stopped`)
    t.equal(overlap(spans(file)), undefined)
    t.equal(spans(file).length, 2)
  },

  'What the device says is lost, what the hub says arrives': (scene) => oneWay(scene, 'out'),

  'What the hub says is lost, what the device says arrives': (scene) => oneWay(scene, 'in'),

  async 'The cable is pulled and put back'({ t, cluster, away, cable }) {
    const before = await idsOf(away, 'original')
    t.equal(before.length, 1)
    cable.unplug()
    await nodeIs(cluster, away, 'Unknown')
    cable.heal()
    await nodeIs(cluster, away, 'True')
    await settledOn(cluster, 'original', away)
    t.same(await idsOf(away, 'original'), before)
  },

  async 'Another host has a copy of the identity: it is sent away, and the device is not disturbed'(scene) {
    const { t, cluster, away, lan } = scene
    const before = (await away.containers()).map(({ id }) => id).toSorted()
    const began = sessionsOf(away.logs())
    const clone = cloneOf(away, join(cluster.dir, 'clone'), lan.addHost())
    t.teardown(() => clone.remove())
    await clone.start()
    await eventually(() => wasSentAway(clone.log()), WITHIN_MS)
    await eventually(() => timesTold(away.logs()) > 0, WITHIN_MS)
    await eventually(async () => /DuplicateIdentity/.test(await cluster.kubectl.ok('get events -A')), WITHIN_MS)
    t.equal(sessionsOf(away.logs()), began)
    t.same((await away.containers()).map(({ id }) => id).toSorted(), before)
  },
}

const reason = skipCluster() ?? skipUnless('netns', findNetns())

void t.test('Links between hosts are cut', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'holdfast-partition-'))
  const lan = createLan()
  t.teardown(async () => {
    await lan.remove()
    rmSync(shared, { recursive: true, force: true })
  })
  const cluster = await startCluster(t, {
    lan,
    hubFlags: ['--beat-every', '1s', '--unreachable-toleration', '3s'],
  })
  await ensureMyImages(cluster.engine)
  const [away, here] = cluster.agents
  if (!away?.host || !here) throw new Error('there are no two devices with a cable')
  const scene = { cluster, lan, away, cable: away.host, here, file: join(shared, 'log') }
  for (const [name, story] of Object.entries(stories))
    await t.test(name, { timeout: TIMEOUT_MS }, (t) => story({ t, ...scene }))
})
