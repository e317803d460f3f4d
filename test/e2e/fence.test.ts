// fence.test.ts - what may run only once never runs twice, measured by itself, whatever becomes of its agent and its link
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { encodeJoinToken, parseJoinToken } from '../../shared/protocol/join-token.ts'
import { startAgentProcess, type AgentProcess } from '../support/agent-process.ts'
import { startForwarder, type Forwarder } from '../support/cluster/forwarder.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { findDocker } from '../support/require.ts'
import { spans, stubborn } from '../support/spans.ts'
import { apply } from './desk.ts'

const TIMEOUT_MS = 300_000
fileWithin(t, TIMEOUT_MS)
/** Lost after 10 s, 2 s of grace, 10 s for the kill, drift: the hub waits for 26 s, and the machine is busy. */
const MOVED_WITHIN_MS = 90_000

const named = (node: string) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] })

interface Wanted {
  runtime: 'process' | 'docker'
  lostAfterS?: number
}

const singleton = (name: string, nodes: readonly string[], file: string, { runtime, lostAfterS = 10 }: Wanted) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: {
        labels: { app: name },
        annotations: { 'holdfast.dev/singleton': 'true', 'holdfast.dev/lost-after': `${lostAfterS}s` },
      },
      spec: {
        terminationGracePeriodSeconds: 2,
        ...(runtime === 'process' && { runtimeClassName: 'process' }),
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: nodes.map(named),
            },
          },
        },
        containers: [
          {
            name: 'app',
            image: 'my-image',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', stubborn(runtime === 'docker' ? '/shared/log' : file)],
            ...(runtime === 'docker' && { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }),
          },
        ],
        ...(runtime === 'docker' && { volumes: [{ name: 'shared', hostPath: { path: join(file, '..') } }] }),
      },
    },
  },
})

const podOf = async ({ kubectl }: Cluster, app: string): Promise<Pod | undefined> => {
  const { items } = await kubectl.list<Pod>(`get pods -l app=${app}`)
  return items.find(({ metadata }) => metadata.deletionTimestamp === undefined)
}

const runsOn = (cluster: Cluster, app: string, isRight: (node: string) => boolean, withinMs: number) =>
  eventually(async () => {
    const pod = await podOf(cluster, app)
    const isThere = pod?.status?.phase === 'Running' && isRight(pod.spec.nodeName ?? '')
    if (!isThere) throw new Error(`${app}: ${pod?.status?.phase} on ${pod?.spec.nodeName}`)
    return pod
  }, withinMs)

interface Spare {
  name: string
  /** Says that one more has begun, and waits until all have and the spare is open for work. */
  begun(): Promise<void>
}

interface Scene {
  t: Test
  cluster: Cluster
  /** Where the singleton begins. */
  device: AgentProcess
  /** Where it may go on: open for work once all have begun. */
  spare: Spare
  link: Forwarder
  file: string
  name: string
}

async function disjoint({ t, file }: Scene, count: number): Promise<void> {
  const found = await eventually(() => {
    const now = spans(file).toSorted((a, b) => a.fromS - b.fromS)
    if (now.length < count) throw new Error(`${now.length} instances have written`)
    return now
  }, MOVED_WITHIN_MS)
  const text = JSON.stringify(found)
  found.forEach((span, index) => {
    const next = found[index + 1]
    if (next)
      t.ok(span.toS < next.fromS, `one ended ${(next.fromS - span.toS).toFixed(1)} s before the next began: ${text}`)
  })
}

async function begin(scene: Scene, wanted: Wanted): Promise<void> {
  const { cluster, device, spare, name, file } = scene
  await apply(cluster.kubectl, singleton(name, [device.nodeName, spare.name], file, wanted))
  await runsOn(cluster, name, (node) => node === device.nodeName, MOVED_WITHIN_MS)
  await spare.begun()
}

const moved = ({ cluster, device, name }: Scene) =>
  runsOn(cluster, name, (node) => node !== device.nodeName, MOVED_WITHIN_MS)

const isBack = ({ cluster, device }: Scene) =>
  cluster.kubectl.ok(`wait --for=condition=Ready node/${device.nodeName} --timeout=${MOVED_WITHIN_MS / 1000}s`)

const stories: Record<string, (scene: Scene) => Promise<void>> = {
  async 'a singleton is stopped by its device when the link is cut, and goes on elsewhere'(scene) {
    await begin(scene, { runtime: 'process' })
    scene.link.cut()
    await moved(scene)
    await disjoint(scene, 2)
    scene.link.restore()
    await isBack(scene)
    // The spare's goes on: one that began here again would live at the same time.
    await disjoint(scene, 2)
  },

  async 'a singleton is stopped at its deadline though its agent was killed'(scene) {
    await begin(scene, { runtime: 'process' })
    scene.link.cut()
    await scene.device.kill9()
    await moved(scene)
    await disjoint(scene, 2)
  },

  async 'a container is stopped at its deadline though its agent was killed'(scene) {
    await begin(scene, { runtime: 'docker' })
    await scene.device.kill9()
    await moved(scene)
    await disjoint(scene, 2)
    // The engine hears of it.
    await eventually(async () => !(await scene.device.containers()).some(({ isRunning }) => isRunning), MOVED_WITHIN_MS)
  },

  async 'a singleton is stopped at its deadline though its agent hangs; an agent that is started again starts nothing'(
    scene,
  ) {
    await begin(scene, { runtime: 'process' })
    scene.link.cut()
    process.kill(scene.device.pid, 'SIGSTOP')
    await moved(scene)
    await scene.device.restart()
    scene.link.restore()
    await isBack(scene)
    await disjoint(scene, 2)
  },

  async 'an agent that is restarted within the time changes nothing'(scene) {
    // All stories start their programs at the same time, and "within the time" must be true on a slow machine too.
    const lostAfterS = 40
    await begin(scene, { runtime: 'process', lostAfterS })
    await scene.device.restart()
    await isBack(scene)
    const before = spans(scene.file)
    // Longer than the deadline that the first agent left behind.
    await eventually(() => {
      const now = spans(scene.file)
      if ((now[0]?.toS ?? 0) - (before[0]?.toS ?? 0) < lostAfterS + 6) throw new Error('not yet')
    }, MOVED_WITHIN_MS)
    scene.t.equal(spans(scene.file).length, 1, 'it is still the first one')
  },
}

async function spareOf({ kubectl, agents }: Cluster, expected: number): Promise<Spare> {
  const name = agents[0]?.nodeName ?? ''
  await kubectl.ok(`cordon ${name}`)
  let count = 0
  let isOpen = false
  const begun = async () => {
    if (++count === expected) {
      await kubectl.ok(`uncordon ${name}`)
      isOpen = true
    }
    // Whoever went ahead would use up the time of its move while the slowest of the others still joins.
    await eventually(() => isOpen, MOVED_WITHIN_MS)
  }
  return { name, begun }
}

async function joinThrough(cluster: Cluster, link: Forwarder, shared: string, nodeName: string): Promise<AgentProcess> {
  const dir = join(cluster.dir, nodeName)
  mkdirSync(dir)
  const given = parseJoinToken(await cluster.hub.token())
  if (!given) throw new Error('no token')
  const token = encodeJoinToken({ ...given, addresses: [`127.0.0.1:${link.port}`] })
  const flags = ['--transport', 'websocket', '--host-path-allowed', shared]
  const dockerHost = findDocker() ?? ''
  const agent = await startAgentProcess({ dir, nodeName, token, dockerHost, flags, engine: cluster.engine })
  await agent.ready()
  return agent
}

t.test('What may run only once', { skip: skipCluster() ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'holdfast-fence-'))
  t.teardown(() => rmSync(shared, { recursive: true, force: true }))
  const cluster = await startCluster(t, {
    agents: 1,
    hubFlags: ['--beat-every', '1s', '--unreachable-toleration', '2s'],
    agentFlags: ['--host-path-allowed', shared],
  })
  await ensureMyImages(cluster.engine)
  const spare = await spareOf(cluster, Object.keys(stories).length)
  // All at once: each has a device of its own to lose, and nearly all of the time is spent waiting.
  t.jobs = Object.keys(stories).length
  await Promise.all(
    Object.entries(stories).map(([title, story], index) =>
      t.test(title, { buffered: true, timeout: TIMEOUT_MS }, async (t) => {
        const link = await startForwarder(() => Number(new URL(cluster.hub.url).port))
        const name = `only-${index}`
        const device = await joinThrough(cluster, link, shared, `fence-${index}-${process.pid}`)
        t.teardown(async () => {
          await device.kill9()
          await device.run(['purge'])
          await link.close()
        })
        mkdirSync(join(shared, name))
        await story({ t, cluster, device, spare, link, name, file: join(shared, name, 'log') })
      }),
    ),
  )
})
