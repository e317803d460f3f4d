// device-survives.test.ts - real programs on a real engine: a cold boot without a hub, a damaged store, a full and a read-only disk, a wrong clock
import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../shared/clock.ts'
import { BUSYBOX_IMAGE, ensureBusyboxImage } from '../support/busybox-image.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { skipUnless } from '../support/require.ts'
import { skipSmallDisk } from '../support/small-disk.ts'
import { findFaketime, wrongClock } from '../support/wrong-clock.ts'

const TIMEOUT_MS = 180_000
fileWithin(t, 4 * TIMEOUT_MS)
const WITHIN_MS = 60_000
const skip = skipCluster() ?? false

const deployment = (name: string, replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      # A device whose disk is full gets no other pods.
      tolerations: [{key: node.kubernetes.io/disk-pressure, operator: Exists, effect: NoSchedule}]
      containers:
      - {name: app, image: '${BUSYBOX_IMAGE}', imagePullPolicy: IfNotPresent, command: [sleep, '100000']}
`

async function clusterWith(t: Test, replicas: number): Promise<Cluster> {
  const cluster = await startCluster(t, { agents: 1 })
  await ensureBusyboxImage(cluster.engine.client)
  await apply(cluster, 'web', replicas)
  return cluster
}

/** Something that needs the whole way to the device and back. */
async function apply(cluster: Cluster, name: string, replicas: number): Promise<void> {
  const file = join(cluster.dir, `${name}.yaml`)
  writeFileSync(file, deployment(name, replicas))
  await cluster.kubectl.ok(`apply -f ${file}`)
  await cluster.kubectl.ok(`rollout status deployment/${name} --timeout=60s`)
}

const ids = async (cluster: Cluster) =>
  (await cluster.containers())
    .filter(({ isRunning }) => isRunning)
    .map(({ id }) => id)
    .toSorted()

const conditionOf = ({ kubectl }: Cluster, type: string): Promise<string> =>
  kubectl.ok(`get nodes -o jsonpath='{.items[0].status.conditions[?(@.type=="${type}")].status}'`)

const until = (cluster: Cluster, type: string, status: string) =>
  eventually(async () => (await conditionOf(cluster, type)) === status, WITHIN_MS)

function only(cluster: Cluster) {
  const [agent] = cluster.agents
  if (!agent) throw new Error('there is no agent')
  return agent
}

const tests: Record<string, (t: Test) => Promise<void>> = {
  async 'With hub and power gone everything runs again within seconds of the boot, and stays when the hub is back'(t) {
    const cluster = await clusterWith(t, 10)
    const agent = only(cluster)
    await cluster.hub.kill9()
    await agent.kill9()
    await cluster.engine.removeContainersOf(agent.nodeName)
    t.same(await ids(cluster), [])
    const startedMs = systemClock.monoMs()
    await agent.restart()
    await eventually(async () => (await ids(cluster)).length === 10, WITHIN_MS)
    t.comment(`all run again after ${Math.round(systemClock.monoMs() - startedMs)} ms`)
    const before = await ids(cluster)
    await cluster.hub.restart()
    await until(cluster, 'Ready', 'True')
    await cluster.kubectl.ok('rollout status deployment/web --timeout=60s')
    t.same(await ids(cluster), before, 'the hub adopts what runs')
  },

  async 'A store that was damaged stops nothing, and the hub is told'(t) {
    const cluster = await clusterWith(t, 2)
    const agent = only(cluster)
    const before = await ids(cluster)
    await agent.kill9()
    // What a bad card makes of a power cut: the log is gone, and the file begins with nothing.
    const database = join(agent.dataDir, 'cache/agent.sqlite')
    rmSync(`${database}-wal`)
    const file = openSync(database, 'r+')
    writeSync(file, Buffer.alloc(100))
    closeSync(file)
    await agent.restart()
    await eventually(async () => {
      const events = await cluster.kubectl.ok('get events --field-selector=reason=StoreRebuilt')
      return events.includes('came back, verified')
    }, WITHIN_MS)
    t.same(await ids(cluster), before)
    await until(cluster, 'StoreRebuilt', 'False')
  },

  async 'On a disk that is full, and on one that is read-only, what is new is obeyed, and the node says so'(t) {
    const cluster = await clusterWith(t, 1)
    const agent = only(cluster)
    const before = await ids(cluster)
    await agent.kill9()
    const aside = `${agent.dataDir}.aside`
    cpSync(agent.dataDir, aside, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'tmpfs', agent.dataDir])
    t.teardown(() => void execFileSync('umount', ['-l', agent.dataDir]))
    cpSync(aside, agent.dataDir, { recursive: true, filter: (path) => !path.endsWith('/ballast') })
    const { bavail, bsize } = statfsSync(agent.dataDir)
    writeFileSync(join(agent.dataDir, 'filler'), Buffer.alloc(bavail * bsize))
    await agent.restart()
    await apply(cluster, 'two', 1)
    await until(cluster, 'DiskPressure', 'True')
    await cluster.kubectl.ok(`run intolerant --image=${BUSYBOX_IMAGE} --restart=Never --command -- sleep 100000`)
    await eventually(
      async () => (await cluster.kubectl.ok('describe pod intolerant')).includes('node.kubernetes.io/disk-pressure'),
      WITHIN_MS,
    )

    await agent.kill9()
    execFileSync('mount', ['-o', 'remount,ro', agent.dataDir])
    await agent.restart()
    await until(cluster, 'ReadOnlyFS', 'True')
    await apply(cluster, 'two', 2)
    const now = await ids(cluster)
    for (const id of before) t.ok(now.includes(id), 'what ran before runs on')
    t.equal(now.length, 3)
  },

  async 'A device that boots in 1970, and whose clock then jumps by years, is Ready and restarts nothing'(t) {
    const cluster = await clusterWith(t, 2)
    const agent = only(cluster)
    const before = await ids(cluster)
    const moment = join(cluster.dir, 'moment')
    writeFileSync(moment, '@1970-01-01 00:00:10')
    await agent.restart(wrongClock(faketime ?? '', moment))
    await eventually(() => /"time":"1970-01-01T.*connected to the hub/.test(agent.logs()), WITHIN_MS)
    await until(cluster, 'Ready', 'True')
    const moments = { ahead: '@2036-06-01 00:00:00', back: '@2026-06-01 00:00:00', hour: '@2026-05-31 23:00:00' }
    for (const [name, at] of Object.entries(moments)) {
      writeFileSync(moment, at)
      await apply(cluster, name, 1)
    }
    const now = await ids(cluster)
    for (const id of before) t.ok(now.includes(id), 'the same container')
    t.equal((await cluster.kubectl.ok('get pods')).match(/Running +0 /g)?.length, 5)
    t.equal(await conditionOf(cluster, 'Ready'), 'True')
  },
}

const faketime = findFaketime()

for (const [what, run] of Object.entries(tests)) {
  const whyNot = /disk/.test(what) ? skipSmallDisk() : /1970/.test(what) ? skipUnless('faketime', faketime) : undefined
  void t.test(what, { skip: skip || (whyNot ?? false), timeout: TIMEOUT_MS }, run)
}
