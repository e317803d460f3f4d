// daemon-order.test.ts - an update of a DaemonSet on devices that keep order: the next pod is there before the last one is told to go
import t from 'tap'
import { DAEMON_SET } from '../../../shared/kinds/daemon-set.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import type { DaemonSet, Pod } from '../../../shared/kinds/object.ts'
import { AFTER, KEEPS_ORDER_LABEL } from '../../../shared/succession.ts'
import { container, daemonSet, template } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

const NODES = ['node-1', 'node-2', 'node-3', 'node-4']
const OLD = 'my-image:1'
const NEW = 'my-image:2'
const BAD = 'broken:3'

const log = ({ objects }: LittleCluster) => objects.get(DAEMON_SET, 'default', 'log')
const rollout = (cluster: LittleCluster) =>
  log(cluster)?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Rollout')
const change = ({ objects }: LittleCluster, spec: Partial<DaemonSet['spec']>) =>
  objects.modify(DAEMON_SET, 'default', 'log', (current) => ({ ...current, spec: { ...current.spec, ...spec } }))
const update = (cluster: LittleCluster, image: string) => change(cluster, { template: template(image, {}, 'log') })
const imageOf = ({ spec }: Pod) => spec.containers[0]?.image
const serving = (cluster: LittleCluster) => cluster.pods('log').filter(({ status }) => status?.phase === 'Running')
const isGoing = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined
/** "image" for each pod, "(goes)" behind those that were told to. */
const podsOn = (cluster: LittleCluster, name: string) =>
  cluster
    .pods('log')
    .filter(({ spec }) => spec.nodeName === name)
    .map((pod) => `${imageOf(pod)}${isGoing(pod) ? ' (goes)' : ''}`)
    .toSorted((a, b) => a.localeCompare(b))

async function rolledOut(t: Parameters<typeof littleCluster>[0], spec: Partial<DaemonSet['spec']> = {}) {
  const cluster = await littleCluster(t, { nodes: NODES, keepsOrder: true })
  cluster.objects.create(DAEMON_SET, daemonSet('log', { template: template(OLD, {}, 'log'), ...spec }))
  await cluster.run()
  return cluster
}

t.test('No device is ever told to stop the old pod before it has been given the new one', async (t) => {
  const cluster = await rolledOut(t)
  const gaps: string[] = []
  const unwatch = cluster.store.watch(POD, cluster.store.revision, ({ object: { spec } }) => {
    if (!spec.nodeName) return
    const held = cluster.objects.by(POD, 'nodeName', spec.nodeName)
    if (held.every(isGoing)) gaps.push(spec.nodeName)
  })
  t.teardown(unwatch)
  update(cluster, NEW)
  let fewest = NODES.length
  let isSaidTooEarly = false
  for (let step = 0; step < 200; step++) {
    await cluster.run(10)
    fewest = Math.min(fewest, serving(cluster).length)
    const updated = serving(cluster).filter((pod) => imageOf(pod) === NEW).length
    const { updatedNumberScheduled = 0, numberAvailable = 0 } = log(cluster)?.status ?? {}
    // What `kubectl rollout status` goes by.
    if (updatedNumberScheduled === NODES.length && numberAvailable === NODES.length)
      isSaidTooEarly ||= updated < NODES.length
  }
  t.same(gaps, [])
  t.equal(fewest, 3, 'one at a time')
  t.notOk(isSaidTooEarly)
  t.same(serving(cluster).map(imageOf), [NEW, NEW, NEW, NEW])
  t.match(rollout(cluster), { status: 'True', message: '4 updated' })
})

t.test(
  'A version that cannot be made ready stops at the bound, costs nobody anything and is undone without a restart',
  async (t) => {
    const cluster = await rolledOut(t, {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
    })
    const before = serving(cluster).map(({ metadata }) => metadata.uid)
    update(cluster, BAD)
    await cluster.run(10_000)
    t.same(
      serving(cluster).map(({ metadata }) => metadata.uid),
      before,
    )
    t.equal(
      cluster.pods('log').filter((pod) => imageOf(pod) === BAD).length,
      2,
      'no more are tried than may be unavailable',
    )
    t.match(log(cluster)?.status, { numberAvailable: 4, desiredNumberScheduled: 4 })
    t.equal(log(cluster)?.status?.updatedNumberScheduled ?? 0, 0)
    update(cluster, OLD)
    await cluster.run(10_000)
    t.same(
      cluster.pods('log').map(({ metadata }) => metadata.uid),
      before,
    )

    update(cluster, BAD)
    await cluster.run(10_000)
    update(cluster, NEW)
    await cluster.run(10_000)
    t.same(serving(cluster).map(imageOf), [NEW, NEW, NEW, NEW])
    t.equal(cluster.pods('log').length, 4)
  },
)

t.test(
  'A version that does not fit leaves the old one running, one that fits in its place does not need more room',
  async (t) => {
    const cluster = await rolledOut(t, {
      template: template(
        OLD,
        {
          containers: [
            container({
              image: OLD,
              ports: [{ containerPort: 80, hostPort: 80 }],
              resources: { requests: { cpu: '3' } },
            }),
          ],
        },
        'log',
      ),
    })
    const asking = (cpu: string) =>
      template(
        NEW,
        {
          containers: [
            container({ image: NEW, ports: [{ containerPort: 80, hostPort: 80 }], resources: { requests: { cpu } } }),
          ],
        },
        'log',
      )
    change(cluster, { template: asking('5') })
    await cluster.run(10_000)
    t.same(serving(cluster).map(imageOf), [OLD, OLD, OLD, OLD])
    t.match(rollout(cluster), { status: 'False', message: '0 updated, 1 without a device, 3 to go' })
    change(cluster, { template: asking('3500m') })
    await cluster.run(10_000)
    t.same(serving(cluster).map(imageOf), [NEW, NEW, NEW, NEW])
  },
)

t.test('An old pod that does not work is replaced at once, also when the new one cannot be made ready', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'], keepsOrder: true })
  cluster.objects.create(DAEMON_SET, daemonSet('log', { template: template(BAD, {}, 'log') }))
  await cluster.run()
  update(cluster, 'broken:4')
  await cluster.run()
  t.same(podsOn(cluster, 'node-1'), ['broken:4'])
  update(cluster, NEW)
  await cluster.run()
  t.same(podsOn(cluster, 'node-1'), [NEW])
})

t.test(
  'An old pod that runs and is not ready for a moment waits too, unless the new one fails meanwhile',
  async (t) => {
    const cluster = await littleCluster(t, { nodes: ['node-1'], keepsOrder: true })
    cluster.objects.create(DAEMON_SET, daemonSet('log', { template: template(OLD, {}, 'log') }))
    await cluster.run()
    const say = (image: string, state: object, ready: string) => {
      const name = cluster.pods('log').find((pod) => imageOf(pod) === image)?.metadata.name ?? ''
      const container = { name: 'app', image, imageID: '', ready: ready === 'True', restartCount: 0, state }
      const status = {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: ready }],
        containerStatuses: [container],
      }
      cluster.objects.modify(POD, 'default', name, (pod) => ({ ...pod, status }), { subresource: 'status' })
    }
    update(cluster, BAD)
    await cluster.run()
    say(OLD, { running: {} }, 'False')
    await cluster.run()
    t.same(podsOn(cluster, 'node-1'), [BAD, OLD])
    say(BAD, { waiting: { reason: 'ErrImagePull' } }, 'False')
    await cluster.run()
    t.same(podsOn(cluster, 'node-1'), [BAD])
  },
)

t.test('A pod that a person deletes has its successor at once', async (t) => {
  const cluster = await rolledOut(t)
  const [first] = cluster.pods('log')
  const { name = '', uid } = first?.metadata ?? {}
  cluster.objects.delete(POD, 'default', name)
  await cluster.run(20)
  const next = cluster.pods('log').find(({ metadata }) => metadata.annotations?.[AFTER] === uid)
  t.equal(next?.spec.nodeName, first?.spec.nodeName)
  await cluster.run()
  t.same(serving(cluster).map(imageOf), [OLD, OLD, OLD, OLD])
})

t.test('A device that is away keeps its old pod until it is back and the newest is ready to follow', async (t) => {
  const cluster = await rolledOut(t)
  cluster.disconnect('node-2')
  await cluster.run(60_000)
  for (const image of [NEW, 'my-image:3']) {
    update(cluster, image)
    await cluster.run(5_000)
    t.same(podsOn(cluster, 'node-2'), [OLD, image], 'the one in between is forgotten')
    t.match(rollout(cluster), { status: 'True', reason: 'OfflineQueued', message: '3 updated, 1 offline (queued)' })
  }
  cluster.reconnect('node-2')
  await cluster.run(5_000)
  t.same(podsOn(cluster, 'node-2'), ['my-image:3'])
  t.match(rollout(cluster), { status: 'True', reason: 'Complete', message: '4 updated' })
})

t.test('Surging that is allowed in the middle of an update lets no pod wait for one that waits for it', async (t) => {
  const cluster = await rolledOut(t)
  update(cluster, BAD)
  await cluster.run()
  change(cluster, {
    template: template(NEW, {}, 'log'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  })
  await cluster.run(10_000)
  t.same(serving(cluster).map(imageOf), [NEW, NEW, NEW, NEW])
})

t.test('Where an agent does not know the order the next pod is made when the last is gone', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1'] })
  cluster.addNode('node-2', { labels: { [KEEPS_ORDER_LABEL]: 'true' } })
  cluster.objects.create(DAEMON_SET, daemonSet('log', { template: template(OLD, {}, 'log') }))
  await cluster.run()
  update(cluster, NEW)
  const orders = new Set<string | undefined>()
  for (let step = 0; step < 100; step++) {
    await cluster.run(20)
    const here = cluster.pods('log').filter(({ spec }) => spec.nodeName === 'node-1')
    if (here.length > 1) t.fail('two on a device that keeps no order')
    for (const { metadata } of here) orders.add(metadata.annotations?.[AFTER])
  }
  t.same([...orders], [undefined])
  t.same(serving(cluster).map(imageOf), [NEW, NEW])
})

t.test('A device whose engine does not answer holds up no other, and is updated when it answers', async (t) => {
  for (const keepsOrder of [true, false]) {
    const cluster = await littleCluster(t, { nodes: NODES, keepsOrder })
    cluster.objects.create(DAEMON_SET, daemonSet('log', { template: template(OLD, {}, 'log') }))
    await cluster.run()
    const [before] = cluster.pods('log').filter(({ spec }) => spec.nodeName === 'node-1')
    cluster.silence('node-1')
    update(cluster, NEW)
    await cluster.run(10_000)
    for (const name of NODES.slice(1)) t.same(podsOn(cluster, name), [NEW], name)
    t.same(podsOn(cluster, 'node-1'), [OLD], 'nothing is ended where nothing can be begun')
    await cluster.run(600_000)
    t.equal(cluster.objects.get(POD, 'default', before?.metadata.name ?? '')?.metadata.uid, before?.metadata.uid)
    cluster.reconnect('node-1')
    await cluster.run(10_000)
    t.same(podsOn(cluster, 'node-1'), [NEW])
  }
})
