// delivery.test.ts - what reaches devices and what comes back: configuration, secrets, large states, journals, logs, commands
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { EVENT } from '../../shared/kinds/event.ts'
import { container, deployment, newPod, template } from '../support/builders.ts'
import { openChannels } from '../support/channel-client.ts'
import { createCluster, sideBySide, type Cluster } from '../support/cluster.ts'

sideBySide(t)

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
})
const secret = (name: string, stringData: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData,
})
const mounting = (name: string, kind: 'configMap' | 'secret') => ({
  volumes: [{ name: 'files', ...(kind === 'secret' ? { secret: { secretName: name } } : { configMap: { name } }) }],
  containers: [container({ volumeMounts: [{ name: 'files', mountPath: '/files' }] })],
})

/** What a program in the pod would read. */
function fileIn(cluster: Cluster, node: string, pod: string, name: string): string {
  const { runtime } = cluster.device(node)
  const found = runtime.containers().find(({ identity }) => identity.pod === pod && identity.role === 'app')
  const mount = runtime.spec(found?.id ?? '')?.mounts.find(({ target }) => target === '/files')
  return readFileSync(join(mount?.source ?? '', name), 'utf8')
}

t.test('Secrets and ConfigMaps reach the nodes that need them and no others', async (t) => {
  const cluster = await createCluster(t)
  await cluster.apply(
    configMap('one', { greeting: 'hello' }),
    configMap('unused', { greeting: 'nobody' }),
    secret('two', { password: 'open sesame' }),
    newPod('reader', { ...mounting('one', 'configMap'), nodeName: 'n1' }),
    newPod('keeper', { ...mounting('two', 'secret'), nodeName: 'n2' }),
  )
  await cluster.settled()
  const held = (node: string) => {
    const desired = cluster.device(node).agent?.cache.desired()
    return [...Object.keys(desired?.configMaps ?? {}), ...Object.keys(desired?.secrets ?? {})]
  }
  t.same(held('n1'), ['default/one'])
  t.same(held('n2'), ['default/two'])
  t.same(held('n3'), [])
  t.equal(fileIn(cluster, 'n1', 'reader', 'greeting'), 'hello')
  t.equal(fileIn(cluster, 'n2', 'keeper', 'password'), 'open sesame')

  await cluster.api.send('DELETE', '/api/v1/namespaces/default/pods/keeper')
  await cluster.settled()
  await cluster.eventually(() => held('n2').length === 0)
})

t.test('A changed ConfigMap reaches the files of a running pod without a restart, also after a cut', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(configMap('config', { greeting: 'one' }), newPod('web', mounting('config', 'configMap')))
  await cluster.settled()
  const ids = cluster.running('web').ids
  await cluster.apply(configMap('config', { greeting: 'two' }))
  await cluster.eventually(() => fileIn(cluster, 'n1', 'web', 'greeting') === 'two')

  cluster.disconnect('n1', 'with a reset')
  await cluster.apply(configMap('config', { greeting: 'three' }))
  cluster.reconnect('n1')
  await cluster.eventually(() => fileIn(cluster, 'n1', 'web', 'greeting') === 'three')
  t.same(cluster.running('web').ids, ids)
})

t.test('A pod waits for a ConfigMap that is not there yet, and says so', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(newPod('web', mounting('later', 'configMap')))
  await cluster.eventually(() => cluster.events('FailedMount').some((message) => message.includes('later')))
  t.equal(cluster.running('web').count, 0)
  await cluster.apply(configMap('later', { greeting: 'here' }))
  await cluster.settled()
  t.equal(fileIn(cluster, 'n1', 'web', 'greeting'), 'here')
})

t.test('A desired state of several packets gets through, and so do its changes', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const noise = () => randomBytes(300_000).toString('base64')
  const large = ['a', 'b', 'c'].map((name) => configMap(name, { noise: noise(), version: '1' }))
  const volumes = ['a', 'b', 'c'].map((name) => ({ name, configMap: { name } }))
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: name === 'c' ? '/files' : `/${name}` }))
  await cluster.apply(...large, newPod('web', { volumes, containers: [container({ volumeMounts })] }))
  await cluster.settled()
  t.equal(fileIn(cluster, 'n1', 'web', 'noise'), large[2]?.data['noise'])

  await cluster.apply(configMap('c', { noise: noise(), version: '2' }))
  await cluster.eventually(() => fileIn(cluster, 'n1', 'web', 'version') === '2')
  t.equal(cluster.ready('n1'), 'True', 'its link stands')
})

t.test('What a device noted while it was away arrives in order and once, through cuts and crashes', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const noted = 300
  const seen = () =>
    cluster.hub.objects
      .list(EVENT)
      .filter(({ reason }) => reason === 'Noted')
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
  cluster.disconnect('n1', 'with a reset')
  for (let number = 0; number < noted; number++)
    cluster.device('n1').agent?.cache.appendJournal({
      body: { kind: 'event', severity: 'Normal', reason: 'Noted', message: `${number}` },
    })
  cluster.reconnect('n1')
  await cluster.eventually(() => seen().length > 0)
  cluster.crashHub()
  await cluster.startHub()
  cluster.crashAgent('n1')
  await cluster.startAgent('n1')
  await cluster.eventually(() => seen().length >= noted)
  const messages = seen().map(({ message }) => Number(message))
  t.same(
    messages,
    Array.from({ length: noted }, (_, number) => number),
  )
  t.ok(
    seen().every(({ count = 1 }) => count === 1),
    'none was counted twice',
  )
})

t.test('Logs, commands and their exit codes come through the API from the device', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  for (const { runtime } of cluster.devices.values())
    runtime.behave('my-image:1', {
      stdout: ['first', 'second'],
      exec: ([command = '']) => ({ stdout: `${command} was run`, exitCode: 3 }),
    })
  await cluster.apply(deployment('web', { replicas: 2, template: template('my-image:1') }))
  await cluster.settled()
  for (const { metadata } of cluster.pods('web')) {
    const path = `/api/v1/namespaces/default/pods/${metadata.name}`
    const logs = await cluster.api.ask('GET', `${path}/log?container=app`)
    t.equal(logs.text, 'first\nsecond\n')
    const channels = await openChannels(cluster.access, `${path}/exec?command=whoami&stdout=1&stderr=1&container=app`)
    await channels.closed
    t.equal(channels.text(1), 'whoami was run')
    t.match(JSON.parse(channels.text(3)), { status: 'Failure', reason: 'NonZeroExitCode' })
  }
  cluster.disconnect('n2', 'with a reset')
  await cluster.eventually(() => cluster.ready('n2') === 'Unknown')
  const away = cluster.pods('web').find(({ spec }) => spec.nodeName === 'n2')?.metadata.name
  const path = `/api/v1/namespaces/default/pods/${away}/log?container=app`
  const lastKnown = await cluster.api.ask('GET', path)
  t.equal(lastKnown.text, 'first\nsecond\n', 'of a device that is away the last that was read is shown')
  t.match(lastKnown.headers['warning'], /these lines are .* old/, 'and how old it is')
  const refused = await cluster.api.ask('GET', `${path}&timestamps=true`)
  t.equal(refused.code, 503)
  t.match(refused.json, { kind: 'Status', status: 'Failure', message: /node "n2" is not connected/ })
})
