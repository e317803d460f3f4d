// engine.test.ts - the Docker daemon of a device is killed and comes back: it is told, and nothing is made anew for nothing
import t from 'tap'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { startPrivateEngine, skipPrivateEngine } from '../support/private-engine.ts'
import { skipCluster, startCluster } from '../support/processes.ts'
import { apply, deploymentManifest, FOR_EVER, isReady, rolledOut, shell, WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 240_000
fileWithin(t, TIMEOUT_MS)

const reason = skipCluster() ?? skipPrivateEngine()
void t.test('the container engine dies and comes back', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const engine = await startPrivateEngine()
  t.teardown(() => engine.remove())
  const cluster = await startCluster(t, { agents: 1, dockerHost: engine.host })
  const { kubectl, agents } = cluster
  const nodeName = agents[0]?.nodeName ?? ''
  await ensureMyImages(engine)
  await apply(kubectl, deploymentManifest('web', shell(FOR_EVER), { replicas: 2 }))
  await rolledOut(kubectl, 'deployment/web')
  const running = async () => (await cluster.containers()).filter(({ isRunning }) => isRunning).map(({ id }) => id)
  const condition = async () => {
    const { status } = await kubectl.json<Node>(`get node ${nodeName}`)
    return status?.conditions?.find(({ type }) => type === 'RuntimeUnavailable')
  }
  const pods = async () => (await kubectl.list<Pod>('get pods -l app=web')).items
  const restarts = async () => (await pods()).map(({ status }) => status?.containerStatuses?.[0]?.restartCount)

  await t.test('while it is away the node says so, and its pods are not said to be gone', async (t) => {
    const ids = (await running()).toSorted()
    await engine.kill9()
    await eventually(async () => (await condition())?.status === 'True', WITHIN_MS)
    t.match(await condition(), { reason: 'RuntimeDown', message: /docker/ })
    t.match(await kubectl.ok(`describe node ${nodeName}`), /RuntimeUnavailable +True/)
    t.same(
      (await pods()).map(({ status }) => status?.phase),
      ['Running', 'Running'],
    )
    await engine.start()
    await eventually(async () => (await condition())?.status === 'False', WITHIN_MS)
    await eventually(async () => (await pods()).filter(isReady).length === 2, WITHIN_MS)
    t.same((await running()).toSorted(), ids, 'the same containers')
    t.same(await restarts(), [0, 0])
  })

  await t.test('containers that ended with it run again, once each', async (t) => {
    await engine.kill9()
    // Without live-restore a new daemon ends what the old one has left.
    await engine.start(['--live-restore=false'])
    await eventually(async () => {
      const now = await restarts()
      return now.every((count) => count === 1) && (await pods()).filter(isReady).length === 2
    }, WITHIN_MS)
    t.equal((await running()).length, 2)
  })

  await t.test('work that came meanwhile is done when it is back', async (t) => {
    await engine.kill9()
    await kubectl.ok('scale deployment web --replicas=3')
    await eventually(async () => (await condition())?.status === 'True', WITHIN_MS)
    await kubectl.ok('scale deployment web --replicas=4')
    // Nothing is sent where it would hang without a word.
    await eventually(
      async () => /a runtime docker that does not answer/.test(await kubectl.ok('describe pods')),
      WITHIN_MS,
    )
    await engine.start()
    await rolledOut(kubectl, 'deployment/web')
    t.equal((await pods()).filter(isReady).length, 4)
    await kubectl.ok('delete deployment web --timeout=60s')
    await eventually(async () => (await cluster.containers()).length === 0, WITHIN_MS)
  })
})
