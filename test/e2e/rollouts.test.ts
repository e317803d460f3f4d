// rollouts.test.ts - Deployments and DaemonSets change their pods on a real engine as their users asked for
import t, { type Test } from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { sleep, systemClock } from '../../shared/clock.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { fetchText } from '../support/http.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { apply, deploymentManifest, FOR_EVER, isReady, rolledOut, shell, untilTold, WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 240_000
fileWithin(t, TIMEOUT_MS)
const LOOK_EVERY_MS = 50

type Story = (t: Test, cluster: Cluster) => Promise<void>

const page = {
  name: 'app',
  image: 'my-image:v1',
  imagePullPolicy: 'Never',
  // A late answer of a busy machine is not what these stories are about.
  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
}
const web = (image: string, rest: Parameters<typeof deploymentManifest>[2] = {}) =>
  deploymentManifest('web', { ...page, image }, { replicas: 2, ...rest })

const byName = (a: string, b: string) => (a < b ? -1 : 1)

const stories: Record<string, Story> = {
  async 'a rolling update serves all the time'(t, { kubectl }) {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
    await apply(kubectl, web('my-image:latest', { strategy }))
    await rolledOut(kubectl, 'deployment/web')
    let isOver = false
    let looks = 0
    const lowest = { ready: Number.MAX_SAFE_INTEGER }
    const watching = (async () => {
      while (!isOver) {
        const { items } = await kubectl.list<Pod>('get pods -l app=web')
        const ready = items.filter(isReady)
        lowest.ready = Math.min(lowest.ready, ready.length)
        // What is ready now may go in the next moment, but not all of it.
        const answers = await Promise.allSettled(ready.map(({ status }) => fetchText(`http://${status?.podIP}:8080/`)))
        if (!answers.some(({ status }) => status === 'fulfilled')) t.fail('nobody answered')
        looks++
      }
    })()
    await apply(kubectl, web('my-image:v2', { strategy }))
    await rolledOut(kubectl, 'deployment/web')
    isOver = true
    await watching
    t.ok(looks > 0, 'somebody looked')
    t.equal(lowest.ready, 2, 'never fewer than asked for')
    const { items } = await kubectl.list<Pod>('get pods -l app=web')
    const [pod] = items.filter(isReady)
    t.equal(await fetchText(`http://${pod?.status?.podIP}:8080/`), 'page of my-image:v2\n')
  },

  async 'a paused rollout waits for its resume'(t, { kubectl }) {
    await kubectl.ok('rollout pause deployment/web')
    await kubectl.ok('set image deployment/web app=my-image:latest')
    await kubectl.ok('set env deployment/web COLOUR=green')
    await untilTold(kubectl, 'deployment web', /Progressing +Unknown +DeploymentPaused/)
    const before = await kubectl.ok("get rs -l app=web -o jsonpath='{.items[*].metadata.name}'")
    await kubectl.ok('scale deployment web --replicas=3')
    await eventually(async () => /web +3\/3 +0 +3/.test(await kubectl.ok('get deployment web')), WITHIN_MS)
    t.equal(await kubectl.ok("get rs -l app=web -o jsonpath='{.items[*].metadata.name}'"), before, 'nothing was made')
    await kubectl.ok('rollout resume deployment/web')
    await rolledOut(kubectl, 'deployment/web')
    t.match(await kubectl.ok('get deployment web'), /web +3\/3 +3 +3/)
    await kubectl.ok('rollout restart deployment/web')
    await rolledOut(kubectl, 'deployment/web')
  },

  async 'a rollout that cannot go on says so, and is undone'(t, { kubectl }) {
    await apply(kubectl, web('my-image:latest', { progressDeadlineSeconds: 3 }))
    await rolledOut(kubectl, 'deployment/web')
    await kubectl.ok('set image deployment/web app=my-image:never-made')
    t.match(await kubectl.fails('rollout status deployment/web --timeout=60s'), /exceeded its progress deadline/)
    t.match(await kubectl.ok('get pods -l app=web'), /ErrImageNeverPull/)
    t.match(await kubectl.ok('get deployment web'), /web +2\/2 +1 +2/, 'the old ones go on')
    await kubectl.ok('rollout undo deployment/web')
    await rolledOut(kubectl, 'deployment/web')
    await kubectl.ok('delete deployment web --timeout=60s')
  },

  async 'with Recreate there are never two versions at once'(t, { kubectl, containers }) {
    const single = (image: string) =>
      deploymentManifest('single', { ...page, image }, { replicas: 2, strategy: { type: 'Recreate' } })
    await apply(kubectl, single('my-image:latest'))
    await rolledOut(kubectl, 'deployment/single')
    const seen = new Set<string>()
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        const running = (await containers()).filter(({ isRunning, pod }) => isRunning && pod.startsWith('single'))
        seen.add([...new Set(running.map(({ image }) => image))].toSorted().join(' and '))
        await sleep(systemClock, LOOK_EVERY_MS)
      }
    })()
    await apply(kubectl, single('my-image:v2'))
    await rolledOut(kubectl, 'deployment/single')
    isOver = true
    await watching
    t.ok(
      [...seen].some((images) => images.includes('v2')),
      'the new version was seen',
    )
    t.notOk(
      [...seen].some((images) => images.includes(' and ')),
      `seen were ${[...seen].join('; ')}`,
    )
    await kubectl.ok('delete deployment single --timeout=60s')
  },

  async 'a DaemonSet runs on each device, follows labels and taints, and rolls'(t, { kubectl, agents }) {
    const [first = '', second = ''] = agents.map(({ nodeName }) => nodeName)
    const daemonSet = (script: string, nodeSelector?: object) => ({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'eyes' },
      spec: {
        selector: { matchLabels: { app: 'eyes' } },
        template: {
          metadata: { labels: { app: 'eyes' } },
          spec: { containers: [shell(`${script}; ${FOR_EVER}`)], ...(nodeSelector && { nodeSelector }) },
        },
      },
    })
    const nodes = async () =>
      (await kubectl.list<Pod>('get pods -l app=eyes')).items
        .filter(isReady)
        .map(({ spec }) => spec.nodeName ?? '')
        .toSorted(byName)
    await apply(kubectl, daemonSet('echo one'))
    await rolledOut(kubectl, 'daemonset/eyes')
    t.same(await nodes(), [first, second].toSorted(byName))
    await apply(kubectl, daemonSet('echo two'))
    await rolledOut(kubectl, 'daemonset/eyes')
    t.match(await kubectl.ok('logs -l app=eyes'), /^two\ntwo\n$/)
    t.match(await kubectl.ok('rollout history daemonset/eyes'), /\n1 .*\n2 /)
    await kubectl.ok(`label node ${first} eyes=open`)
    await apply(kubectl, daemonSet('echo two', { eyes: 'open' }))
    await eventually(async () => (await nodes()).join() === first, WITHIN_MS)
    await kubectl.ok(`label node ${second} eyes=open`)
    await eventually(async () => (await nodes()).length === 2, WITHIN_MS)
    await kubectl.ok('delete daemonset eyes --timeout=60s')
  },
}

const reason = skipCluster()
void t.test('rollouts on real devices', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t)
  await ensureMyImages(cluster.engine)
  for (const [name, story] of Object.entries(stories))
    await t.test(name, { timeout: TIMEOUT_MS }, (t) => story(t, cluster))
})
