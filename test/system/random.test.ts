// random.test.ts - fifty things that users and bad luck do, in an order that a seed decides; when all is well again, what is wanted is
import t from 'tap'
import { sleep, systemClock } from '../../shared/clock.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { systemRandom } from '../../shared/random.ts'
import { container, daemonSet, deployment, template } from '../support/builders.ts'
import { createCluster, sideBySide, type Cluster } from '../support/cluster.ts'
import { createChance, type Chance } from '../sim/chance.ts'

sideBySide(t)

const STEPS = 50
/** Between two steps: some meet what the last one began, some what it left. */
const PAUSE_MS_MAX = 150
const APPS = ['web', 'api']
const IMAGES = ['my-image:1', 'my-image:2', 'my-image:3']
const NODES = ['n1', 'n2', 'n3']

interface World {
  cluster: Cluster
  chance: Chance
  down: Set<string>
  isHubUp: boolean
}

type Step = (world: World) => Promise<unknown> | void

const app = (chance: Chance) => {
  const name = chance.pick(APPS)
  const image = chance.pick(IMAGES)
  const volumes = [{ name: 'config', configMap: { name: 'config' } }]
  const containers = [container({ image, volumeMounts: [{ name: 'config', mountPath: '/config' }] })]
  return deployment(name, { replicas: chance.between(0, 5), template: template(image, { volumes, containers }, name) })
}
const config = (chance: Chance) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'config' },
  data: { number: String(chance.between(0, 1_000)) },
})

/** Done only while there is a hub to ask. */
const STEPS_OF_USERS: Readonly<Record<string, Step>> = {
  'apply a deployment': ({ cluster, chance }) => cluster.apply(app(chance)),
  'apply a deployment again': ({ cluster, chance }) => cluster.apply(app(chance)),
  'change the configuration': ({ cluster, chance }) => cluster.apply(config(chance)),
  'apply the daemon set': ({ cluster, chance }) =>
    cluster.apply(daemonSet('watcher', { template: template(chance.pick(IMAGES), {}, 'watcher') })),
  'delete a deployment': ({ cluster, chance }) =>
    cluster.api.ask('DELETE', `/apis/apps/v1/namespaces/default/deployments/${chance.pick(APPS)}`),
  'delete a pod': ({ cluster, chance }) => {
    const pods = cluster.hub.objects.list(POD)
    if (pods.length === 0) return
    const grace = chance.is(0.5) ? '?gracePeriodSeconds=0' : ''
    return cluster.api.ask('DELETE', `/api/v1/namespaces/default/pods/${chance.pick(pods).metadata.name}${grace}`)
  },
  'cordon or uncordon a node': ({ cluster, chance }) => cordon(cluster, chance.pick(NODES), chance.is(0.5)),
}

const STEPS_OF_FATE: Readonly<Record<string, Step>> = {
  'cut a link silently': ({ cluster, chance }) => cluster.disconnect(chance.pick(NODES)),
  'cut a link with a reset': ({ cluster, chance }) => cluster.disconnect(chance.pick(NODES), 'with a reset'),
  'mend a link': ({ cluster, chance }) => cluster.reconnect(chance.pick(NODES)),
  'mend every link': ({ cluster }) => NODES.forEach(cluster.reconnect),
  'kill or start an agent': async ({ cluster, chance, down }) => {
    const name = chance.pick(NODES)
    if (down.delete(name)) return cluster.startAgent(name)
    cluster.crashAgent(name)
    down.add(name)
  },
  'restart an agent': async ({ cluster, chance, down }) => {
    const name = chance.pick(NODES)
    if (!down.has(name)) await cluster.restartAgent(name)
  },
  'kill or start the hub': async (world) => {
    if (world.isHubUp) world.cluster.crashHub()
    else await world.cluster.startHub()
    world.isHubUp = !world.isHubUp
  },
  'restart the hub': async ({ cluster, isHubUp }) => {
    if (isHubUp) await cluster.restartHub()
  },
  'a program ends': ({ cluster, chance }) => {
    const { runtime, running } = cluster.device(chance.pick(NODES))
    const [first] = running()
    if (first) runtime.exit(first.id, chance.between(0, 1))
  },
  'an engine does not answer': ({ cluster, chance }) => cluster.device(chance.pick(NODES)).runtime.setAvailable(false),
  'an engine answers': ({ cluster, chance }) => cluster.device(chance.pick(NODES)).runtime.setAvailable(true),
  'power goes': ({ cluster, chance, down }) => {
    const name = chance.pick(NODES)
    cluster.crashAgent(name)
    down.add(name)
    cluster.device(name).runtime.reboot(chance.is(0.5) ? 'exited' : 'gone')
  },
}

const cordon = (cluster: Cluster, node: string, unschedulable: boolean) =>
  cluster.api.ask('PATCH', `/api/v1/nodes/${node}`, {
    body: { spec: { unschedulable } },
    headers: { 'content-type': 'application/merge-patch+json' },
  })

async function heal({ cluster, down, isHubUp }: World): Promise<void> {
  for (const name of NODES) {
    cluster.reconnect(name)
    cluster.device(name).runtime.setAvailable(true)
    if (down.has(name)) await cluster.startAgent(name)
  }
  if (!isHubUp) await cluster.startHub()
  for (const name of NODES) await cordon(cluster, name, false)
  await cluster.eventually(() => NODES.every((name) => cluster.ready(name) === 'True'), 30_000)
}

/** HOLDFAST_SEED=n plays one again. */
const seeds = process.env['HOLDFAST_SEED']
  ? [Number(process.env['HOLDFAST_SEED'])]
  : [1, 2].map(() => Math.floor(systemRandom.float() * 1e9))

for (const seed of seeds)
  t.test('After fifty random actions and faults everything becomes what is wanted', async (t) => {
    const cluster = await createCluster(t, { hub: { unreachableToleration: 1_000 } })
    const chance = createChance(seed)
    const world: World = { cluster, chance, down: new Set(), isHubUp: true }
    const told: string[] = []
    try {
      await cluster.apply(config(chance))
      for (let number = 0; number < STEPS; number++) {
        const steps = chance.is(0.5) && world.isHubUp ? STEPS_OF_USERS : STEPS_OF_FATE
        const name = chance.pick(Object.keys(steps))
        told.push(name)
        await steps[name]?.(world)
        await sleep(systemClock, chance.between(0, PAUSE_MS_MAX))
      }
      await heal(world)
      await cluster.settled()
      t.pass(`seed ${seed}`)
    } catch (error) {
      t.comment(told.join('\n'))
      t.fail(`HOLDFAST_SEED=${seed}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  })
