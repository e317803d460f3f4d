// faults.test.ts - programs are killed under running work: nothing that was acknowledged is lost, nothing that runs is touched
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createClient } from '../../hub/cli/client.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { cloneOf, isConnected, sessionsOf, timesTold, wasSentAway } from '../support/clone.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { apply, deploymentManifest, FOR_EVER, rolledOut, shell, untilTold, WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)
const WRITERS = 4
const WRITES_BEFORE_KILL = 120
/** An agent that is gone for a beat and a half may be followed by another with its identity. */
const BEAT_MS = 1_000

type Story = (t: Test, cluster: Cluster) => Promise<void>

const idsOf = async (cluster: Cluster) =>
  (await cluster.containers())
    .filter(({ isRunning }) => isRunning)
    .map(({ id }) => id)
    .toSorted()

const restartsOf = async ({ kubectl }: Cluster) =>
  (await kubectl.list<Pod>('get pods -l app=web')).items.map(
    ({ status }) => status?.containerStatuses?.[0]?.restartCount ?? -1,
  )

/** Scales there and back: hub and devices understand each other again. */
async function obeys({ kubectl }: Cluster) {
  await kubectl.ok('scale deployment obey --replicas=2')
  await rolledOut(kubectl, 'deployment/obey')
  await kubectl.ok('scale deployment obey --replicas=0')
  await eventually(async () => (await kubectl.list<Pod>('get pods -l app=obey')).items.length === 0, WITHIN_MS)
}

/** Writes until the hub is gone; answers what it has acknowledged. */
async function writeUntilGone({ hub }: Cluster, round: number): Promise<string[]> {
  const client = createClient({ server: hub.url, namespace: 'default', ...hub.admin() })
  const acknowledged: string[] = []
  let isGone = false
  const writer = async (number: number) => {
    for (let i = 0; !isGone; i++) {
      const name = `kept-${round}-${number}-${i}`
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { i: String(i) } }
      try {
        await client.send('POST', '/api/v1/namespaces/default/configmaps', body)
      } catch {
        return // not acknowledged: it may be there or not
      }
      acknowledged.push(name)
    }
  }
  const writing = Array.from({ length: WRITERS }, (_, number) => writer(number))
  await eventually(() => acknowledged.length > WRITES_BEFORE_KILL, WITHIN_MS)
  await hub.kill9()
  isGone = true
  await Promise.all(writing)
  return acknowledged
}

const stories: Record<string, Story> = {
  async 'the hub is killed in the middle of writes: what it acknowledged is there, what runs is not touched'(
    t,
    cluster,
  ) {
    const { hub, kubectl } = cluster
    const ids = await idsOf(cluster)
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round++) {
      acknowledged.push(...(await writeUntilGone(cluster, round)))
      await hub.restart()
    }
    const there = new Set((await kubectl.ok("get configmaps -o jsonpath='{.items[*].metadata.name}'")).split(' '))
    t.ok(acknowledged.length > 3 * WRITES_BEFORE_KILL)
    t.same(
      acknowledged.filter((name) => !there.has(name)),
      [],
      `all of ${acknowledged.length}`,
    )
    await obeys(cluster)
    t.same(await idsOf(cluster), ids)
    t.same(await restartsOf(cluster), [0, 0, 0])
  },

  async 'an agent is killed: its containers go on, and what crashed meanwhile is restarted when it is back'(
    t,
    cluster,
  ) {
    const { agents, engine, kubectl } = cluster
    const ids = await idsOf(cluster)
    const [agent] = agents
    await agent?.kill9()
    t.same(await idsOf(cluster), ids, 'nobody looks after them, and they run')
    await agent?.restart()
    await obeys(cluster)
    t.same(await idsOf(cluster), ids, 'adopted, not made anew')
    t.same(await restartsOf(cluster), [0, 0, 0])
    await agent?.kill9()
    const victim = (await agent?.containers())?.find(({ name, isRunning }) => isRunning && name === 'app')
    await engine.kill(victim?.id ?? '')
    await agent?.restart()
    await eventually(async () => (await restartsOf(cluster)).toSorted((a, b) => a - b).join() === '0,0,1', WITHIN_MS)
    await eventually(async () => /Running +1 /.test(await kubectl.ok(`get pod ${victim?.pod}`)), WITHIN_MS)
    t.equal(
      (await idsOf(cluster)).filter((id) => ids.includes(id)).length,
      ids.length - 1,
      'the others were left alone',
    )
  },

  async 'a container crashes while the hub is away: the device restarts it, and the hub learns of it'(t, cluster) {
    const { agents, engine, hub, kubectl } = cluster
    const before = await restartsOf(cluster)
    await hub.kill9()
    const victim = (await agents[1]?.containers())?.find(({ name, isRunning }) => isRunning && name === 'app')
    await engine.kill(victim?.id ?? '')
    await eventually(async () => {
      const now = await cluster.containers()
      return now.some(({ pod, isRunning, id }) => pod === victim?.pod && isRunning && id !== victim?.id)
    }, WITHIN_MS)
    await hub.restart()
    const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0)
    await eventually(async () => sum(await restartsOf(cluster)) === sum(before) + 1, WITHIN_MS)
    await untilTold(kubectl, `pod ${victim?.pod}`, /Last State: +Terminated[^]*Exit Code: +137/)
  },

  async 'a copied identity is sent away: both are told, neither flaps, an event says so'(t, cluster) {
    const [agent] = cluster.agents
    if (!agent) throw new Error('there is no agent')
    // The hub was just killed: whoever comes first is believed, and that is to be the original.
    await eventually(() => isConnected(agent.logs()), WITHIN_MS)
    const before = sessionsOf(agent.logs())
    const clone = cloneOf(agent, join(cluster.dir, 'clone'))
    t.teardown(() => clone.remove())
    for (let knocks = 0; knocks < 3; knocks++) {
      await clone.start()
      await eventually(() => wasSentAway(clone.log()), WITHIN_MS)
      t.equal(sessionsOf(clone.log()), 0)
    }
    await eventually(() => timesTold(agent.logs()) > 0, WITHIN_MS)
    const { kubectl } = cluster
    await eventually(async () => /DuplicateIdentity/.test(await kubectl.ok('get events -A')), WITHIN_MS)
    await untilTold(kubectl, `node ${agent.nodeName}`, /DuplicateIdentity.*two devices use this identity/)
    t.equal(sessionsOf(agent.logs()), before, 'the first one was never disturbed')
    await obeys(cluster)
  },
}

const reason = skipCluster()
void t.test('programs are killed', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { hubFlags: ['--beat-every', `${BEAT_MS}ms`] })
  await ensureMyImages(cluster.engine)
  await apply(
    cluster.kubectl,
    deploymentManifest('web', shell(FOR_EVER), { replicas: 3 }),
    deploymentManifest('obey', shell(FOR_EVER), { replicas: 0 }),
  )
  await rolledOut(cluster.kubectl, 'deployment/web')
  for (const [name, story] of Object.entries(stories))
    await t.test(name, { timeout: TIMEOUT_MS }, (t) => story(t, cluster))
})
