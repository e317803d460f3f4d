// seeds.test.ts - the three files that this project began with, and everything that people do with them, with old and new kubectls
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { fileWithin } from '../support/file-within.ts'
import { fetchText } from '../support/http.ts'
import { eventually } from '../support/eventually.ts'
import { kubectls, type Kubectl } from '../support/kubectl.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { untilTold, WITHIN_MS } from './desk.ts'

const MANIFESTS = fileURLToPath(new URL('../../../manifests/', import.meta.url))
const FILES = ['my-deployment.yaml', 'my-service.yaml', 'my-app.yaml'].map((name) => join(MANIFESTS, name))
const TIMEOUT_MS = 240_000
fileWithin(t, 2 * TIMEOUT_MS)

interface Desk {
  kubectl: Kubectl
  cluster: Cluster
  dir: string
}

type Story = (t: Test, desk: Desk) => Promise<void>

const stories: Record<string, Story> = {
  async 'the three files are applied and run'(t, { kubectl }) {
    for (const file of FILES) t.match(await kubectl.ok(`apply -f ${file}`), /created/)
    for (const name of ['my-deployment', 'my-app'])
      t.match(await kubectl.ok(`rollout status deployment/${name} --timeout=60s`), /successfully rolled out/)
    const shown = await kubectl.ok('get pods,services')
    t.equal(shown.match(/pod\/my-\S+ +1\/1 +Running +0 /g)?.length, 6)
    t.match(shown, /service\/my-service +LoadBalancer +\S+ +\S+ +80(:\d+)?\/TCP/)
    t.match(await kubectl.ok('get deployment my-deployment'), /my-deployment +3\/3 +3 +3/)
    for (const file of FILES) t.match(await kubectl.ok(`apply -f ${file}`), /unchanged/)
  },

  async 'describe tells what happened'(t, { kubectl }) {
    await untilTold(kubectl, 'deployment my-deployment', /Scaled up replica set my-deployment-\w+ (to|from 0 to) 3/)
    t.match(await kubectl.ok('describe service my-service'), /TargetPort: +8080\/TCP/)
    t.match(await kubectl.ok('describe rs -l app=my-app'), /3 current \/ 3 desired/)
    await untilTold(
      kubectl,
      'pods -l app=my-app',
      /Successfully assigned default\/my-/,
      // Offline is normal, and said.
      /already present on machine; the registry could not be asked/,
      /Started container my-container/,
    )
    t.match(await kubectl.ok('describe nodes'), /Non-terminated Pods: +\(\d in total\)/)
  },

  async 'a new image rolls out, and back again'(t, { kubectl }) {
    const image = "-o jsonpath='{.spec.template.spec.containers[0].image}'"
    await kubectl.ok('set image deployment/my-deployment my-container=my-image:v2')
    t.match(await kubectl.ok('rollout status deployment/my-deployment --timeout=60s'), /successfully rolled out/)
    t.equal(await kubectl.ok(`get deployment my-deployment ${image}`), 'my-image:v2')
    t.match(await page(kubectl, 'my-deployment'), /page of my-image:v2/)
    t.match(await kubectl.ok('rollout history deployment/my-deployment'), /\n1 .*\n2 /)
    t.match(await kubectl.ok('rollout history deployment/my-deployment --revision=2'), /Image:\s+my-image:v2/)
    t.match(await kubectl.ok('rollout undo deployment/my-deployment'), /rolled back/)
    await kubectl.ok('rollout status deployment/my-deployment --timeout=60s')
    t.equal(await kubectl.ok(`get deployment my-deployment ${image}`), 'my-image')
    t.match(await page(kubectl, 'my-deployment'), /page of my-image:latest/)
  },

  async 'scale makes more and fewer'(t, { kubectl }) {
    await kubectl.ok('scale deployment my-app --replicas=4')
    await kubectl.ok('rollout status deployment/my-app --timeout=60s')
    t.match(await kubectl.ok('get deployment my-app'), /4\/4/)
    await kubectl.ok('scale deployment my-app --replicas=1')
    // One of this, three of my-deployment; those that go are gone.
    await eventually(async () => (await kubectl.list<Pod>('get pods')).items.length === 4, WITHIN_MS)
  },

  async 'logs are shown and followed'(t, { kubectl }) {
    const [pod = ''] = await podsOf(kubectl, 'my-app')
    t.match(await kubectl.ok(`logs ${pod}`), /^tick 1\ntick 2/)
    t.match(await kubectl.ok(`logs ${pod} --tail=1 --timestamps`), /^\d{4}-\d\d-\d\dT\S+Z tick \d+\n$/)
    t.match(await kubectl.ok('logs deployment/my-app -c my-container --since=1h'), /tick 1/)
    const follower = kubectl.spawn(['logs', '-f', pod, '--tail=1'])
    let seen = ''
    follower.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    await eventually(() => (seen.match(/tick/g)?.length ?? 0) >= 3, WITHIN_MS)
    follower.kill()
  },

  async 'exec runs commands, also on a terminal'(t, { kubectl }) {
    const [pod = ''] = await podsOf(kubectl, 'my-app')
    t.equal(await kubectl.ok(`exec ${pod} -- cat /www/index.html`), 'page of my-image:latest\n')
    t.equal(await kubectl.ok(`exec -i ${pod} -- cat`, 'through and back'), 'through and back')
    t.match(await kubectl.fails(`exec ${pod} -- sh -c 'exit 7'`), /exit code 7/)
    // The size follows a moment after the start, as with every runtime.
    const onTerminal = await terminal(
      kubectl,
      `exec -it ${pod} -- sh -c "tty; until stty size | grep ^[0-9]; do sleep 0.1; done"`,
    )
    t.match(onTerminal, /\/dev\/pts\/\d+[^]*33 111/, 'of the same size')
  },

  async 'cp copies in and out'(t, { kubectl, dir }) {
    const [pod = ''] = await podsOf(kubectl, 'my-app')
    const bytes = 'x'.repeat(300_000)
    writeFileSync(join(dir, 'there'), bytes)
    await kubectl.ok(`cp ${join(dir, 'there')} ${pod}:/tmp/there`)
    t.match(await kubectl.ok(`exec ${pod} -- wc -c /tmp/there`), /^300000 /)
    await kubectl.ok(`cp ${pod}:/tmp/there ${join(dir, 'back')}`)
    t.equal(readFileSync(join(dir, 'back'), 'utf8'), bytes)
  },

  async 'port-forward reaches into a pod'(t, { kubectl }) {
    const forwarder = kubectl.spawn(['port-forward', 'deployment/my-app', ':8080'])
    let said = ''
    forwarder.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const port = await eventually(() => /127\.0\.0\.1:(\d+) -> 8080/.exec(said)?.[1] ?? false, WITHIN_MS)
    for (let i = 0; i < 3; i++) t.equal(await fetchText(`http://127.0.0.1:${port}/`), 'page of my-image:latest\n')
    forwarder.kill()
  },

  async 'top measures nodes and pods'(t, { kubectl, cluster }) {
    const names = cluster.agents.map(({ nodeName }) => nodeName)
    await eventually(async () => {
      const nodes = await kubectl.ok('top node')
      return names.every((name) => new RegExp(`${name} +\\d+m +\\d+% +\\d+Mi +\\d+%`).test(nodes))
    }, WITHIN_MS)
    await eventually(async () => /my-app-\S+ +\d+m +\d+Mi/.test(await kubectl.ok('top pod')), WITHIN_MS)
    t.pass('there are figures')
  },

  async 'cordon keeps pods away, drain moves them, uncordon lets them come'(t, { kubectl, cluster }) {
    const [first, second] = cluster.agents.map(({ nodeName }) => nodeName)
    await kubectl.ok(`cordon ${first}`)
    t.match(await kubectl.ok(`get node ${first}`), /Ready,SchedulingDisabled/)
    t.match(await kubectl.ok(`drain ${first} --ignore-daemonsets --timeout=60s`), /drained/)
    await eventually(async () => {
      const nodes = await kubectl.ok("get pods -l app=my-app -o jsonpath='{.items[*].spec.nodeName}'")
      return nodes.split(' ').length === 4 && nodes.split(' ').every((node) => node === second)
    }, WITHIN_MS)
    for (const name of ['my-deployment', 'my-app']) await kubectl.ok(`rollout status deployment/${name} --timeout=60s`)
    await kubectl.ok(`uncordon ${first}`)
    await kubectl.ok('scale deployment my-app --replicas=3')
    await kubectl.ok('rollout status deployment/my-app --timeout=60s')
    const nodes = await kubectl.ok("get pods -l app=my-app -o jsonpath='{.items[*].spec.nodeName}'")
    t.match(nodes, new RegExp(String(first)))
  },

  async 'delete takes all away'(t, { kubectl, cluster }) {
    for (const file of FILES) t.match(await kubectl.ok(`delete -f ${file} --timeout=60s`), /deleted/)
    await eventually(async () => /No resources found/.test(await kubectl.ok('get pods')), WITHIN_MS)
    t.same(await cluster.containers(), [])
  },
}

async function podsOf(kubectl: Kubectl, deployment: string): Promise<string[]> {
  const { items } = await kubectl.list<Pod>('get pods -l app=my-app')
  const staying = items.filter(({ metadata }) => !metadata.deletionTimestamp)
  return staying.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${deployment}-`))
}

/** `exec deployment/my-deployment` might take a pod of my-app: they have the same labels. */
async function page(kubectl: Kubectl, deployment: string): Promise<string> {
  const [pod = ''] = await podsOf(kubectl, deployment)
  return kubectl.ok(`exec ${pod} -- wget -qO- http://127.0.0.1:8080/`)
}

/** `script` gives the command a terminal of its own, of no size when it has none itself. */
function terminal(kubectl: Kubectl, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const line = `stty rows 33 cols 111; ${kubectl.program} ${command}`
    const child = execFile('script', ['-qec', line, '/dev/null'], { env: kubectl.env }, (error, stdout) =>
      error ? reject(new Error(`${line}: ${error.message}\n${stdout}`)) : resolve(stdout),
    )
    child.stdin?.end()
  })
}

const reason = skipCluster()
/** The oldest and the newest that we promise. */
const programs = kubectls().filter((path) => !path.endsWith('.1.32'))

void t.test('the files that this project began with', { skip: reason ?? false, timeout: 2 * TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t)
  await ensureMyImages(cluster.engine)
  for (const program of programs) {
    const desk = { cluster, kubectl: cluster.withKubectl(program), dir: t.testdir() }
    for (const [name, story] of Object.entries(stories))
      await t.test(`${basename(program)}: ${name}`, { timeout: TIMEOUT_MS }, (t) => story(t, desk))
  }
})
