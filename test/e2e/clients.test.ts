// clients.test.ts - programs with the client libraries that people use: Python's kubernetes and @kubernetes/client-node
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { AppsV1Api, CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { skipUnless } from '../support/require.ts'
import { apply, deploymentManifest, FOR_EVER, shell, WITHIN_MS } from './desk.ts'
import { PLAIN_DICTIONARIES, TYPED_OBJECTS, WATCH_AND_ASK } from './python-programs.ts'

const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)

/** Debian's own comes first: others need not see the packages of the system. */
const findPython = (): string | undefined =>
  ['/usr/bin/python3', '/usr/local/bin/python3'].find((program) => {
    if (!existsSync(program)) return false
    try {
      execFileSync(program, ['-c', 'import kubernetes'], { stdio: 'ignore' })
      return true
    } catch {
      return false // that is the answer
    }
  })

const python = (program: string, text: string, { hub, dir }: Cluster) =>
  new Promise<string>((resolve, reject) => {
    const env = { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: hub.kubeconfig, PYTHONUTF8: '1' }
    execFile(program, ['-c', text], { env }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr || error.message)) : resolve(stdout),
    )
  })

async function pythonPrograms(t: Test, cluster: Cluster, program: string) {
  const { kubectl } = cluster
  await python(program, PLAIN_DICTIONARIES, cluster)
  await kubectl.ok('wait --for=delete pod/nginx-pod --timeout=60s')
  t.equal((await cluster.containers()).length, 0, 'the pod came and went')
  await python(program, TYPED_OBJECTS, cluster)
  const said = await python(program, WATCH_AND_ASK, cluster)
  t.match(
    said,
    /phase Running\nsaid hello\nlimits 256Mi\nversions 1\nnodes 1\nlabelled \['my-pod'\]\ngone 404 Not Found/,
  )
}

async function informers(t: Test, { hub, kubectl }: Cluster) {
  const config = new KubeConfig()
  config.loadFromFile(hub.kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const apps = config.makeApiClient(AppsV1Api)
  const seen = new Map<string, V1Pod>()
  const deleted: string[] = []
  const informer = makeInformer(config, '/api/v1/namespaces/default/pods', () =>
    core.listNamespacedPod({ namespace: 'default' }),
  )
  const keep = (pod: V1Pod) => void seen.set(pod.metadata?.name ?? '', pod)
  informer.on('add', keep)
  informer.on('update', keep)
  informer.on('delete', (pod) => {
    seen.delete(pod.metadata?.name ?? '')
    deleted.push(pod.metadata?.name ?? '')
  })
  let isOver = false
  // As its documentation says: whoever loses the connection starts it again. Stopping it is told as an error too.
  informer.on('error', () => {
    if (!isOver) void eventually(() => informer.start().then(() => true), WITHIN_MS)
  })
  t.teardown(() => {
    isOver = true
    return informer.stop()
  })
  await informer.start()
  await apply(kubectl, deploymentManifest('web', shell(FOR_EVER), { replicas: 2 }))
  const running = () => [...seen.values()].filter(({ status }) => status?.phase === 'Running').length
  await eventually(() => running() === 2, WITHIN_MS)
  await hub.restart()
  const scale = await apps.readNamespacedDeploymentScale({ namespace: 'default', name: 'web' })
  scale.spec = { replicas: 3 }
  await apps.replaceNamespacedDeploymentScale({ namespace: 'default', name: 'web', body: scale })
  await eventually(() => running() === 3, WITHIN_MS)
  t.pass('the informer goes on after a restart of the hub')
  await apps.deleteNamespacedDeployment({ namespace: 'default', name: 'web' })
  await eventually(() => seen.size === 0 && deleted.length === 3, WITHIN_MS)
}

const reason = skipCluster()
void t.test('programs with client libraries', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { agents: 1 })
  await ensureMyImages(cluster.engine)
  const program = findPython()
  const none = skipUnless('python-kubernetes', program)
  await t.test('the Python programs of the articles run unchanged', { skip: none ?? false }, (t) =>
    pythonPrograms(t, cluster, program ?? ''),
  )
  await t.test('an informer of @kubernetes/client-node sees pods come, change and go', (t) => informers(t, cluster))
})
