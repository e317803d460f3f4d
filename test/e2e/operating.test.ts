// operating.test.ts - what an operator types: tokens, joining, the doctor, settings, kubeconfigs, the status screen
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { encodeJoinToken, parseJoinToken, type JoinToken } from '../../shared/protocol/join-token.ts'
import { sleep, systemClock } from '../../shared/clock.ts'
import type { Node } from '../../shared/kinds/object.ts'
import { AGENT } from '../support/agent-process.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { freePort } from '../support/free-port.ts'
import { runNode } from '../support/hub-process.ts'
import type { Run } from '../support/kubectl.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { apply, deploymentManifest, FOR_EVER, podManifest, rolledOut, shell, untilReady, WITHIN_MS } from './desk.ts'

const HUB = fileURLToPath(new URL('../../hub/main.js', import.meta.url))
const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)

type Story = (t: Test, cluster: Cluster) => Promise<void>

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  ...more,
})

/** A device that is not there yet tries to join. */
let devices = 0
function tryToJoin({ dir }: Cluster, token: string): Promise<Run> {
  const folder = join(dir, `device-${++devices}`)
  return runNode([AGENT, 'join', token, '--data-dir', folder, '--node-name', `none-${devices}`], environment())
}

const changed = (token: string, change: (parts: JoinToken) => Partial<JoinToken>): string => {
  const parts = parseJoinToken(token)
  if (!parts) throw new Error(`this is no token: ${token}`)
  return encodeJoinToken({ ...parts, ...change(parts) })
}

const stories: Record<string, Story> = {
  async 'a token carries site and labels to the device that joins with it'(t, cluster) {
    const token = await cluster.hub.token(['--site', 'shop-7', '--labels', 'floor=2,camera=yes', '--ttl', '1h'])
    t.match(token, /^hf1\.[\w-]+$/)
    const agent = await cluster.addAgent([], token)
    const { metadata } = await cluster.kubectl.json<Node>(`get node ${agent.nodeName}`)
    t.match(metadata.labels, { 'topology.kubernetes.io/zone': 'shop-7', floor: '2', camera: 'yes' })
    t.match(agent.logs(), /PASS {2}the token is good: 1 use left, expires in (1h|59m|60m)/)
    const used = await tryToJoin(cluster, token)
    t.equal(used.code, 1)
    t.match(used.stdout, /FAIL {2}the token is good: .*\n {6}make a new one: `holdfast token create`/)
    t.match(used.stderr, /^holdfast-agent: not joined: mend what failed above and run the same command again\n$/)
    const again = await agent.run(['join', token])
    t.match(again, { code: 1, stderr: /is node .* of the hub at 127.0.0.1 already.*purge/ })
  },

  async 'joining says what is wrong and what to do'(t, cluster) {
    const { hub } = cluster
    const token = await hub.token()
    const wrongHub = await tryToJoin(
      cluster,
      changed(token, () => ({ caFingerprint: 'ab'.repeat(32) })),
    )
    t.match(wrongHub, {
      code: 1,
      stdout: /PASS {2}the hub's API port.*\nFAIL {2}the hub is the one that we were told: it shows/,
    })
    t.notMatch(wrongHub.stdout, /the token is good/, 'the secret was not shown to it')
    const nobody = await freePort()
    const unreachable = await tryToJoin(
      cluster,
      changed(token, () => ({ addresses: [`127.0.0.1:${nobody}`] })),
    )
    t.match(unreachable, { code: 1, stdout: /FAIL {2}the hub's API port can be reached: .*\n {6}open port \d+ to 127/ })
    const noName = await tryToJoin(
      cluster,
      changed(token, () => ({ addresses: ['nowhere.invalid:6443'] })),
    )
    t.match(noName, { code: 1, stdout: /FAIL {2}the hub's name resolves: .*\n {6}mend DNS on this device/ })
    const wrongSecret = await tryToJoin(
      cluster,
      changed(token, () => ({ secret: 'x'.repeat(22) })),
    )
    t.match(wrongSecret, { code: 1, stdout: /FAIL {2}the token is good: / })
    const short = await hub.token(['--ttl', '1s'])
    await sleep(systemClock, 1_500)
    t.match(await tryToJoin(cluster, short), { code: 1, stdout: /FAIL {2}the token is good: .*expired/ })
    t.match(await tryToJoin(cluster, token.slice(0, 40)), { code: 1, stderr: /not a whole join token/ })
    t.match(await hub.holdfast(['token', 'create', '--ttl', 'soon']), { code: 1, stderr: /--ttl/ })
  },

  async 'the doctor repeats the checks, with and without the hub'(t, cluster) {
    const [agent] = cluster.agents
    if (!agent) throw new Error('there is no agent')
    const well = await agent.run(['doctor'])
    t.equal(well.code, 0, well.stdout + well.stderr)
    t.notMatch(well.stdout, /FAIL/)
    t.match(well.stdout, /PASS {2}the container engine answers: docker:\/\//)
    t.match(well.stdout, /PASS {2}contact with the hub: connected since /)
    t.match(well.stdout, /PASS {2}messages that changed nothing: /)
    await cluster.hub.kill9()
    const ill = await agent.run(['doctor'])
    await cluster.hub.restart()
    t.equal(ill.code, 1)
    t.match(ill.stdout, /FAIL {2}the hub's API port can be reached/)
    t.match(ill.stdout, /what this device runs goes on without the hub/)
    t.match(ill.stdout, /contact with the hub: .*(connected|last heard) /)
  },

  async 'each setting says where it comes from'(t, { dir }) {
    const file = join(dir, 'hub.yaml')
    writeFileSync(file, 'beatEvery: 5s\nlogLevel: warn\n')
    writeFileSync(join(dir, 'advertise'), 'hub.example.com\n')
    const { code, stdout } = await runNode(
      [HUB, '--config', file, '--mqtt-listen', '127.0.0.1:1234', '--print-config'],
      environment({ HOLDFAST_LOG_LEVEL: 'error', HOLDFAST_ADVERTISE_FILE: join(dir, 'advertise') }),
    )
    t.equal(code, 0)
    t.match(stdout, /mqttListen: +127\.0\.0\.1:1234 +# .*--mqtt-listen/)
    t.match(stdout, /logLevel: +error +# .*HOLDFAST_LOG_LEVEL/)
    t.match(stdout, /advertise: +hub\.example\.com +# .*HOLDFAST_ADVERTISE_FILE/)
    t.match(stdout, /beatEvery: +5s +# .*hub\.yaml/)
    t.match(stdout, /watchHistory: +8192 +# default/)
    writeFileSync(file, 'beatEvry: 5s\n')
    t.match(await runNode([HUB, '--config', file], environment()), {
      code: 1,
      stderr: /^holdfast-hub: .*beatEvry.*\n$/,
    })
    const agent = await runNode([AGENT, '--print-config', '--docker-host', 'none'], environment())
    t.match(agent, { code: 0, stdout: /dockerHost: +none +# .*--docker-host/ })
  },

  async 'a busy port, a used folder and a folder that cannot be are told in one line'(t, { hub, dir }) {
    const busy = new URL(hub.url).port
    const start = (folder: string, port: string) =>
      runNode(
        [
          HUB,
          '--data-dir',
          folder,
          '--api-listen',
          `127.0.0.1:${port}`,
          '--mqtt-listen',
          '127.0.0.1:0',
          '--log-level',
          'error',
        ],
        environment(),
      )
    const taken = await start(join(dir, 'another-hub'), busy)
    t.equal(taken.code, 1)
    t.equal(
      taken.stderr,
      `holdfast-hub: port ${busy} is in use by another program: stop that one, or choose another with --api-listen or --mqtt-listen\n`,
    )
    const used = await start(hub.dataDir, '0')
    t.equal(used.code, 1)
    t.match(used.stderr, /^holdfast-hub: .*(another|in use).*\n$/)
    t.match(await start(join(hub.kubeconfig, 'folder'), '0'), { code: 1, stderr: /^holdfast-hub: .*--data-dir\n$/ })
    t.match(await runNode([AGENT, '--data-dir', join(dir, 'nobody')], environment()), {
      code: 1,
      stderr: /has not joined a hub .*holdfast-agent join <token>\n$/,
    })
  },

  async 'a kubeconfig is merged into the one that is there'(t, { hub, dir, kubectl }) {
    const home = join(dir, 'home')
    mkdirSync(join(home, '.kube'), { recursive: true })
    const own = join(home, '.kube/config')
    const other = { name: 'other', cluster: { server: 'https://other.example.com' } }
    const before = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [other],
      users: [],
      contexts: [],
      'current-context': '',
    }
    writeFileSync(own, JSON.stringify(before))
    t.match(await hub.holdfast(['kubeconfig', '--merge'], { HOME: home }), { code: 0, stdout: /admin.*viewer/ })
    t.match(readFileSync(own, 'utf8'), /other\.example\.com/)
    const ask = (...args: string[]) => kubectl.run(args, { env: { KUBECONFIG: own } })
    t.match(await ask('get', 'nodes'), { code: 0, stdout: /Ready/ })
    t.match(await ask('--context', 'viewer', 'get', 'nodes'), { code: 0, stdout: /Ready/ })
    t.match(await ask('--context', 'viewer', 'delete', 'node', '--all'), { code: 1, stderr: /Forbidden|forbidden/ })
    t.match(await ask('--context', 'viewer', 'get', 'secrets', '-A'), { code: 1, stderr: /orbidden/ })
    t.match(await hub.holdfast(['kubeconfig']), { code: 0, stdout: /current-context: admin/ })
  },

  async 'one screen shows devices, workloads, and what is not as it should be'(t, { hub, kubectl, agents }) {
    const nodeName = agents[0]?.nodeName ?? ''
    await apply(kubectl, deploymentManifest('web', shell(FOR_EVER), { replicas: 2 }))
    await rolledOut(kubectl, 'deployment/web')
    const screen = async () => (await hub.holdfast(['status'])).stdout
    await eventually(async () => /Everything is as it should be/.test(await screen()), WITHIN_MS)
    t.match(await screen(), /default\/web +Deployment +2\/2 +2/)
    t.match(await screen(), new RegExp(`${nodeName} +Online for \\d+\\w`))
    await apply(kubectl, deploymentManifest('web', { ...shell(''), image: 'none:1', imagePullPolicy: 'Never' }))
    await kubectl.ok(`cordon ${nodeName}`)
    await eventually(async () => /ErrImageNeverPull/.test(await screen()), WITHIN_MS)
    t.match(await screen(), new RegExp(`node ${nodeName} is cordoned: \`kubectl uncordon`))
    const nodes = await hub.holdfast(['nodes'])
    t.match(nodes, {
      code: 0,
      stdout: /NAME +STATE +LAST BEAT +LAST WITNESS +SITE +RUNTIMES +RESOURCES\n.*Online.*docker,process/,
    })
    const nowhere = await hub.holdfast(['status', '--kubeconfig', '/nowhere'])
    t.match(nowhere, { code: 1, stderr: /^holdfast: / })
  },

  async 'purge takes everything of a device away'(t, cluster) {
    const [agent] = cluster.agents
    if (!agent) throw new Error('there is no agent')
    await apply(cluster.kubectl, podManifest('stays', shell(FOR_EVER), { nodeName: agent.nodeName }))
    await untilReady(cluster.kubectl, 'stays')
    await agent.stop()
    t.ok(
      (await agent.containers()).some(({ isRunning }) => isRunning),
      'what runs goes on',
    )
    t.match(await agent.run(['purge']), { code: 0, stdout: /removed \d+ containers\nremoved .*kubectl delete node/ })
    t.same(await agent.containers(), [])
    await cluster.kubectl.ok(`delete node ${agent.nodeName}`)
  },
}

const reason = skipCluster()
void t.test('operating a hub and its devices', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { agents: 1 })
  await ensureMyImages(cluster.engine)
  for (const [name, story] of Object.entries(stories))
    await t.test(name, { timeout: TIMEOUT_MS }, (t) => story(t, cluster))
})
