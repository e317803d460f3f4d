// rollout.test.ts - what the hub says of a rollout among devices of which some are away and some fail
import fc from 'fast-check'
import t from 'tap'
import { isFailing, progressOf, rolloutOf, rolloutText, withRollout } from '../../../hub/controllers/rollout.ts'
import { queueStep } from '../../../hub/controllers/queued-pods.ts'
import { DEPLOYMENT } from '../../../shared/kinds/deployment.ts'
import type { ContainerStatus, Deployment, Pod, PodStatus } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { deployment, pod, ready, template } from '../../support/builders.ts'
import { littleCluster, type LittleCluster } from '../../support/little-cluster.ts'

const now = '2026-11-20T12:00:00Z'
const on = (given: Pod, status: Partial<PodStatus> = {}): Pod => ({
  ...given,
  spec: { ...given.spec, nodeName: 'n1' },
  status: { phase: 'Running', startTime: now, ...status },
})
const container = (rest: Partial<ContainerStatus>): PodStatus => ({
  containerStatuses: [{ name: 'app', image: 'i', imageID: '', ready: false, restartCount: 0, ...rest }],
})
const lost: PodStatus = { conditions: [{ type: 'Ready', status: 'False', reason: 'NodeNotReady' }] }

t.test(
  'Each pod of the newest template is one thing: updated, failed, queued, starting or without a device',
  async (t) => {
    const crash = { terminated: { exitCode: 1 } }
    const table: [string, Pod, { isAway?: boolean; isAvailable?: boolean }, string][] = [
      ['serves', ready(pod('a')), { isAvailable: true }, 'updated'],
      ['starts', on(pod('a')), {}, 'starting'],
      ['has no place', pod('a'), {}, 'unplaced'],
      ['waits for its device', on(pod('a'), { startTime: undefined }), { isAway: true }, 'queued'],
      ['served when its device left', on(pod('a'), lost), { isAway: true }, 'updated'],
      ['started when its device left', on(pod('a')), { isAway: true }, 'queued'],
      ['has no image', on(pod('a'), container({ state: { waiting: { reason: 'ImagePullBackOff' } } })), {}, 'failed'],
      [
        'waits to crash again',
        on(pod('a'), container({ state: { waiting: { reason: 'CrashLoopBackOff' } } })),
        {},
        'failed',
      ],
      [
        'runs between crashes',
        on(pod('a'), container({ restartCount: 3, state: { running: {} }, lastState: crash })),
        {},
        'failed',
      ],
      ['crashed once long ago', ready(pod('a')), { isAvailable: true }, 'updated'],
      ['failed when its device left', on(pod('a'), container({ state: crash })), { isAway: true }, 'failed'],
    ]
    for (const [what, given, { isAway = false, isAvailable = false }, expected] of table)
      t.equal(progressOf(given, { isAway, isAvailable }), expected, what)
    t.notOk(isFailing(on(pod('a'), container({ ready: true, restartCount: 1, lastState: crash }))))
  },
)

t.test('The words and the condition say how far it is and whether somebody has to act', async (t) => {
  const progress = [...Array<'updated'>(37).fill('updated'), 'failed', ...Array<'queued'>(5).fill('queued')] as const
  const rollout = rolloutOf(progress, 43)
  t.equal(rolloutText(rollout), '37 updated, 1 failed, 5 offline (queued)')
  t.match(withRollout([], rollout, { now }), [{ status: 'False', reason: 'Failed' }])
  t.match(withRollout([], rolloutOf(['updated', 'queued'], 2), { now }), [{ status: 'True', reason: 'OfflineQueued' }])
  t.match(withRollout([], rolloutOf(['updated', 'unplaced'], 4), { now }), [
    { status: 'False', reason: 'Progressing', message: '1 updated, 1 without a device, 2 to go' },
  ])
  t.match(withRollout([], rolloutOf(['updated'], 2), { now, held: 'Paused' }), [{ reason: 'Paused' }])
  const [done] = withRollout([], rolloutOf(['updated'], 1), { now })
  const later = { now: '2027-01-01T00:00:00Z' }
  t.same(withRollout(done ? [done] : [], rolloutOf(['updated'], 1), later), [done], 'time alone writes nothing')
  t.match(withRollout(done ? [done] : [], rolloutOf(['queued'], 1), later), [
    { lastTransitionTime: now, message: '0 updated, 1 offline (queued)' },
  ])
})

t.test('A pod that was given up goes at once only when its device cannot know of it', async (t) => {
  const steps = fc.property(
    fc.record({
      isAway: fc.boolean(),
      isFresh: fc.boolean(),
      isGoing: fc.boolean(),
      isHeardOf: fc.boolean(),
      isSingle: fc.boolean(),
    }),
    ({ isAway, isFresh, isGoing, isHeardOf, isSingle }) => {
      const given = on(pod('a'), isHeardOf ? {} : { startTime: undefined, phase: 'Pending' })
      const annotations: Record<string, string> = isSingle ? { 'holdfast.dev/singleton': 'true' } : {}
      const metadata = { ...given.metadata, annotations, ...(isGoing && { deletionTimestamp: now }) }
      const step = queueStep({ ...given, metadata }, isAway, isFresh)
      const mayGo = isAway && isFresh && isGoing && !isHeardOf && !isSingle
      return (step.do === 'remove') === mayGo && (step.do === 'mark') === (isAway && !isGoing && !isHeardOf)
    },
  )
  t.doesNotThrow(() => fc.assert(steps))
})

const web = ({ objects }: LittleCluster) => objects.get(DEPLOYMENT, 'default', 'web')
const rolloutOn = (cluster: LittleCluster) =>
  web(cluster)?.status?.conditions?.find(({ type }) => type === 'holdfast.dev/Rollout')
const change = ({ objects }: LittleCluster, spec: Partial<Deployment['spec']>) =>
  objects.modify(DEPLOYMENT, 'default', 'web', (current) => ({ ...current, spec: { ...current.spec, ...spec } }))
const forEver = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' }]
const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }

t.test('A new pod whose device goes away and that stays with it holds nobody else up', async (t) => {
  const cluster = await littleCluster(t, { nodes: ['node-1', 'node-2', 'node-3', 'node-4'], startMs: 1_000 })
  const version = (image: string) => template(image, { tolerations: forEver })
  cluster.objects.create(DEPLOYMENT, deployment('web', { replicas: 4, strategy, template: version('my-image:1') }))
  await cluster.run(3_000)
  t.match(rolloutOn(cluster), { status: 'True', reason: 'Complete', message: '4 updated' })
  change(cluster, { template: version('my-image:2') })
  await cluster.run(500)
  const [first] = cluster.pods('web').filter(({ spec }) => spec.containers[0]?.image === 'my-image:2')
  cluster.disconnect(first?.spec.nodeName ?? '')
  await cluster.run(60_000)
  const running = cluster.pods('web').filter(({ metadata }) => !metadata.deletionTimestamp)
  t.same([...new Set(running.map(({ spec }) => spec.containers[0]?.image))], ['my-image:2'])
  t.match(web(cluster)?.status, { updatedReplicas: 4, availableReplicas: 3 })
  t.match(rolloutOn(cluster), { status: 'True', reason: 'OfflineQueued', message: '3 updated, 1 offline (queued)' })
  t.equal(web(cluster)?.metadata.annotations?.['holdfast.dev/rollout'], '3 updated, 1 offline (queued)')
  cluster.reconnect(first?.spec.nodeName ?? '')
  await cluster.run(5_000)
  t.match(rolloutOn(cluster), { status: 'True', reason: 'Complete', message: '4 updated' })
  t.equal(web(cluster)?.metadata.annotations?.['holdfast.dev/rollout'], undefined)
})

t.test('A new version that does not start is counted as failed while it is tried', async (t) => {
  const cluster = await littleCluster(t)
  cluster.objects.create(DEPLOYMENT, deployment('web', { strategy }))
  await cluster.run()
  change(cluster, { template: template('broken:1') })
  await cluster.run()
  const broken = cluster.pods('web').find(({ spec }) => spec.containers[0]?.image === 'broken:1')
  cluster.objects.modify(
    POD,
    'default',
    broken?.metadata.name ?? '',
    (current) => ({
      ...current,
      status: { ...current.status, ...container({ state: { waiting: { reason: 'CrashLoopBackOff' } } }) },
    }),
    { subresource: 'status' },
  )
  await cluster.run()
  t.match(rolloutOn(cluster), { status: 'False', reason: 'Failed', message: '0 updated, 1 failed, 2 to go' })
  t.equal(web(cluster)?.status?.availableReplicas, 3, 'the old version serves on')
})
