// offline.test.ts - what kubectl says and does while a device is away: rollouts end, what waits is named, what is known has an age
import t from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster } from '../support/processes.ts'
import { apply, deploymentManifest, FOR_EVER, isReady, rolledOut, shell, untilTold, WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 240_000
fileWithin(t, TIMEOUT_MS)

const eyes = (word: string) => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'eyes' },
  spec: {
    selector: { matchLabels: { app: 'eyes' } },
    template: {
      metadata: { labels: { app: 'eyes' } },
      spec: { terminationGracePeriodSeconds: 3, containers: [shell(`echo ${word}; ${FOR_EVER}`)] },
    },
  },
})
const web = (word: string) => deploymentManifest('web', shell(`echo ${word}; ${FOR_EVER}`), { replicas: 2 })

void t.test(
  'kubectl rollout status ends while an agent is away, which goes straight to the newest when it is back',
  { skip: skipCluster() ?? false, timeout: TIMEOUT_MS },
  async (t) => {
    const hubFlags = ['--beat-every', '1s', '--unreachable-toleration', '2s']
    const cluster = await startCluster(t, { hubFlags })
    const { kubectl, agents } = cluster
    await ensureMyImages(cluster.engine)
    await apply(kubectl, eyes('one'), web('one'))
    await rolledOut(kubectl, 'daemonset/eyes')
    await rolledOut(kubectl, 'deployment/web')
    const away = agents[1]
    if (!away) return t.fail('there are not two agents')
    const { items } = await kubectl.list<Pod>(`get pods -l app=eyes --field-selector spec.nodeName=${away.nodeName}`)
    const old = items[0]?.metadata.name ?? ''
    t.equal(await kubectl.ok(`logs ${old}`), 'one\n')
    const before = (await away.containers()).filter(({ isRunning, pod }) => isRunning && pod === old)

    await away.kill9()
    await kubectl.ok(`wait --for=condition=Ready=Unknown node/${away.nodeName} --timeout=60s`)
    await kubectl.ok(`wait --for=condition=Ready=False pod/${old} --timeout=60s`)
    await apply(kubectl, eyes('two'), web('two'))
    await apply(kubectl, eyes('three'), web('three'))
    t.match(await rolledOut(kubectl, 'daemonset/eyes'), /successfully rolled out/)
    t.match(await rolledOut(kubectl, 'deployment/web'), /successfully rolled out/)
    await kubectl.ok('wait --for=condition=holdfast.dev/Rollout deployment/web daemonset/eyes --timeout=60s')
    await untilTold(kubectl, 'daemonset eyes', /holdfast\.dev\/rollout: 1 updated, 1 offline \(queued\)/)
    await untilTold(kubectl, `pod ${old}`, /NodeNotReady/)
    const logs = await kubectl.run(['logs', old])
    t.equal(logs.stdout, 'one\n', 'the last lines that are known')
    t.match(logs.stderr, /Warning: these lines are .* old/)
    t.match(await kubectl.fails(`exec ${old} -- true`), /is not connected to the hub and was last heard of/)
    const still = (await away.containers()).filter(({ isRunning, pod }) => isRunning && pod === old)
    t.same(
      still.map(({ id }) => id),
      before.map(({ id }) => id),
      'out there it runs on',
    )

    await away.restart()
    await eventually(async () => {
      const { items: pods } = await kubectl.list<Pod>('get pods -l app=eyes')
      if (pods.length !== 2 || !pods.every(isReady)) throw new Error(`${pods.length} pods, not all are ready`)
    }, WITHIN_MS)
    await rolledOut(kubectl, 'daemonset/eyes')
    t.same((await kubectl.ok('logs -l app=eyes')).trim().split('\n'), ['three', 'three'])
    const { items: rest } = await kubectl.list<Pod>('get pods -l app=web')
    t.equal(rest.filter(isReady).length, 2)
    t.notMatch(await kubectl.ok('describe daemonset eyes'), /holdfast.dev\/rollout/)
  },
)
