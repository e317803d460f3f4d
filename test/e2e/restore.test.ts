// restore.test.ts - a hub is restored from an old backup under two real devices: nothing stops, all is found, and all comes right
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { BUSYBOX_IMAGE, ensureBusyboxImage } from '../support/busybox-image.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { runNode } from '../support/hub-process.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'

const HUB = fileURLToPath(new URL('../../hub/main.js', import.meta.url))
const WITHIN_MS = 60_000

const deployment = (name: string, replicas: number) =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'c', image: BUSYBOX_IMAGE, imagePullPolicy: 'Never', command: ['sleep', '100000'] }],
        },
      },
    },
  })

const runningIds = async (cluster: Cluster) =>
  (await cluster.containers())
    .filter(({ isRunning, name }) => isRunning && name === 'c')
    .map(({ id }) => id)
    .toSorted()

fileWithin(t, 480_000)
const reason = skipCluster()

void t.test(
  'An hour-old backup is restored, and nothing that runs is stopped',
  { skip: reason ?? false, timeout: 240_000 },
  async (t) => {
    const cluster = await startCluster(t)
    await ensureBusyboxImage(cluster.engine.client)
    const { kubectl, hub, dir } = cluster
    const apply = async (name: string, replicas: number) => {
      writeFileSync(join(dir, `${name}.json`), deployment(name, replicas))
      await kubectl.ok(`apply -f ${join(dir, `${name}.json`)}`)
      await kubectl.ok(`rollout status deployment/${name} --timeout=60s`)
    }
    await apply('before', 2)
    const backup = join(dir, 'backup.db')
    t.match(await hub.holdfast(['backup', backup]), { code: 0, stdout: /has \d+ bytes/ })
    await apply('before', 3)
    await apply('after', 2)
    const ids = await runningIds(cluster)

    await hub.kill9()
    const restored = await runNode([HUB, 'restore', backup, '--data-dir', hub.dataDir], { PATH: process.env['PATH'] })
    t.match(restored, { code: 0, stdout: /restored \d+ objects .* epoch 2[^]*stay locked out/ })
    await hub.restart()

    await eventually(async () => (await kubectl.ok('get pods')).match(/Unknown to the hub/g)?.length === 3, WITHIN_MS)
    t.match(await kubectl.ok('get deployments'), /before +2\/2/)
    t.match((await hub.holdfast(['status'])).stdout, /3 pods are unknown to the hub/)
    const listed = (await hub.holdfast(['recover'])).stdout
    t.equal(listed.match(/default\/after-/g)?.length, 2)
    t.equal(listed.match(/default\/before-/g)?.length, 1)
    t.same(await runningIds(cluster), ids, 'nothing was stopped and nothing started')

    // One workload is applied again, of the other one the operator decides by hand.
    await apply('after', 2)
    const [extra = ''] = /\S+\/default\/before-\S+/.exec((await hub.holdfast(['recover'])).stdout) ?? []
    t.match(await hub.holdfast(['recover', '--stop', extra]), { code: 0, stdout: /is being stopped/ })
    await eventually(async () => (await runningIds(cluster)).length < ids.length, WITHIN_MS)
    await eventually(async () => /Nothing is to be recovered/.test((await hub.holdfast(['recover'])).stdout), WITHIN_MS)
    const left = await runningIds(cluster)
    t.ok(
      left.every((id) => ids.includes(id)),
      'what was taken over runs on where it ran',
    )
    t.match(await kubectl.ok('get deployments'), /after +2\/2[^]*before +2\/2/)
    t.match(await kubectl.ok('get pods --no-headers'), /^(\S+ +1\/1 +Running .*\n){4}$/)
    await kubectl.ok('delete deployment before after')
    await eventually(async () => (await cluster.containers()).length === 0, WITHIN_MS)
  },
)

void t.test(
  'A new signing key reaches a real device, and stays with it',
  { skip: reason ?? false, timeout: 240_000 },
  async (t) => {
    const cluster = await startCluster(t, { agents: 1 })
    await ensureBusyboxImage(cluster.engine.client)
    const { kubectl, hub, dir } = cluster
    const [agent] = cluster.agents
    const apply = async (name: string) => {
      writeFileSync(join(dir, `${name}.json`), deployment(name, 1))
      await kubectl.ok(`apply -f ${join(dir, `${name}.json`)}`)
      await kubectl.ok(`rollout status deployment/${name} --timeout=60s`)
    }
    await apply('first')
    const ids = await runningIds(cluster)
    await hub.kill9()
    const rotate = [HUB, 'rotate-signing-key', 'compromised', '--data-dir', hub.dataDir]
    t.match(await runNode(rotate, { PATH: process.env['PATH'] }), { code: 0, stdout: /key set 2/ })
    await hub.restart()
    await apply('second')
    await agent?.restart()
    await apply('third')
    const now = await runningIds(cluster)
    t.ok(
      ids.every((id) => now.includes(id)),
      'what ran runs on',
    )
    t.notMatch(agent?.logs() ?? '', /MessageRefused/)
  },
)
