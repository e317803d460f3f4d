// hostile.test.ts - devices that lie, clients that push too hard, and people who guess: the hub and everybody else go on
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { connect, type MqttClient } from 'mqtt'
import t from 'tap'
import { join as joinHub, JoinRefused } from '../../agent/link/enrol-client.ts'
import type { Identity } from '../../agent/link/identity.ts'
import { systemRandom } from '../../shared/random.ts'
import { PENDING_MAX } from '../../hub/api/watch-stream.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { parseJoinToken } from '../../shared/protocol/join-token.ts'
import { container, deployment, newPod } from '../support/builders.ts'
import { createCluster, sideBySide, type Cluster } from '../support/cluster.ts'
import { facts } from '../support/fleet-rig.ts'
import { socketBuffersBytesMax } from '../support/socket-buffers.ts'

sideBySide(t)

interface Raw {
  client: MqttClient
  isOver(): boolean
}

/** A program with a device's key that is no agent. */
async function rawClient(t: { teardown(end: () => void): void }, identity: Identity): Promise<Raw> {
  const { nodeName, hub, ca, certificate: cert, key } = identity
  const client = connect({
    ...{ host: hub.host, port: hub.mqttPort, protocol: 'mqtts', ca, cert, key },
    ...{ clientId: nodeName, username: 'raw', clean: true, reconnectPeriod: 0, keepalive: 60 },
  })
  let isOver = false
  client.on('close', () => (isOver = true))
  client.on('error', () => (isOver = true))
  t.teardown(() => void client.end(true))
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
  })
  return { client, isOver: () => isOver }
}

const sessionOf = (cluster: Cluster, node: string) => cluster.hub.fleet.session(node)

t.test('A device that publishes on the topic of another is cut off, and an event says so', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(deployment('web', { replicas: 2 }))
  await cluster.settled()
  const before = sessionOf(cluster, 'n2')
  const { identity } = cluster.device('n1')
  await cluster.device('n1').stop()
  for (const topic of ['hf/1/n2/status', 'hf/1/n2/will', 'hf/1/n1/state', '$SYS/broker', 'other'])
    await t.test(topic, async (t) => {
      const raw = await rawClient(t, identity)
      raw.client.publish(topic, 'I am n2', { qos: 1 })
      await cluster.eventually(raw.isOver)
    })
  await cluster.eventually(() =>
    cluster.events('ProtocolBreach').includes('publishing on "hf/1/n2/status" is not allowed'),
  )
  t.equal(sessionOf(cluster, 'n2'), before, 'the other one notices nothing')
  await cluster.device('n1').start()
  await cluster.settled()
})

t.test('A device that subscribes to what is not its own is cut off', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.device('n1').stop()
  for (const topic of ['hf/1/n2/state', '#', 'hf/1/+/state', '$SYS/#'])
    await t.test(topic, async (t) => {
      const { client, isOver } = await rawClient(t, cluster.device('n1').identity)
      const heard: string[] = []
      client.on('message', (on) => heard.push(on))
      client.subscribe(topic)
      await cluster.eventually(isOver)
      t.same(heard, [])
    })
})

t.test('A packet over the limit ends the connection of its sender, and nobody else notices', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  const before = sessionOf(cluster, 'n2')
  await cluster.device('n1').stop()
  const { client, isOver } = await rawClient(t, cluster.device('n1').identity)
  client.publish('hf/1/n1/status', Buffer.alloc(300 * 1024), { qos: 1 })
  await cluster.eventually(isOver)
  await cluster.eventually(() => cluster.events('ProtocolBreach').includes('a packet is larger than allowed'))
  await cluster.device('n1').start()
  await cluster.eventually(() => cluster.hub.fleet.session('n1') !== undefined)
  t.equal(sessionOf(cluster, 'n2'), before)
})

t.test(
  'Frames that no WebSocket has end their connection and not the hub, also from a device that was removed',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 2 })
    const { nodeName, hub, ca, certificate: cert, key } = cluster.device('n1').identity
    await cluster.device('n1').stop()
    await cluster.api.send('DELETE', `/api/v1/nodes/${nodeName}`)
    const before = sessionOf(cluster, 'n2')
    const upgrade = (protocol: string) =>
      `GET /mqtt HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n${protocol}\r\n`
    for (const [protocol, status] of [
      ['', 400],
      ['Sec-WebSocket-Protocol: other\r\n', 400],
      ['Sec-WebSocket-Protocol: mqtt\r\n', 101],
    ] as const) {
      const socket = connectTls({ ...{ host: hub.host, port: hub.apiPort, servername: 'localhost' }, ca, cert, key })
      let received = ''
      let isOver = false
      socket.on('data', (chunk) => (received += chunk.toString('latin1')))
      socket.on('error', () => {}).on('close', () => (isOver = true))
      socket.write(upgrade(protocol))
      await cluster.eventually(() => received.includes('\r\n\r\n'))
      t.match(received, `HTTP/1.1 ${status} `)
      // Reserved bits and no mask.
      if (!isOver) socket.write(Buffer.from([0xf2, 0x80, 0, 0, 0, 0]))
      await cluster.eventually(() => isOver)
    }
    t.equal(sessionOf(cluster, 'n2'), before)
  },
)

t.test('Garbage from an enrolled device ends its session and changes nothing', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(newPod('web'))
  await cluster.settled()
  const [before] = cluster.pods('web')
  await cluster.device('n1').stop()
  for (const [name, body] of [
    ['random', Buffer.from('no envelope at all')],
    ['empty', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(10_000)],
    ['ones', Buffer.alloc(1_000, 255)],
  ] as const)
    await t.test(name, async (t) => {
      const { client, isOver } = await rawClient(t, cluster.device('n1').identity)
      client.publish('hf/1/n1/status', body, { qos: 1 })
      await cluster.eventually(isOver)
    })
  const [after] = cluster.pods('web')
  t.same(after?.spec, before?.spec)
  t.equal(after?.status?.phase, 'Running')
  await cluster.device('n1').start()
  await cluster.settled()
})

t.test('Two devices with one identity: the first one stays, both are told, neither flaps', async (t) => {
  const cluster = await createCluster(t, { nodes: 2 })
  await cluster.apply(deployment('web', { replicas: 2 }))
  await cluster.settled()
  const before = sessionOf(cluster, 'n1')
  const clone = await cluster.addClone('n1')
  const isSentAway = () => clone.agent?.link.state().reason?.kind === 'duplicate'
  await cluster.eventually(() => cluster.events('DuplicateIdentity').length > 0)
  await cluster.eventually(isSentAway)
  for (let knock = 0; knock < 3; knock++) {
    await clone.stop()
    await clone.start()
    await cluster.eventually(isSentAway)
  }
  t.equal(sessionOf(cluster, 'n1'), before, 'the session of the first one stands')
  t.equal(cluster.device('n1').agent?.link.state().link, 'online')
  t.same(clone.running(), [], 'the other one got nothing to run')
  await cluster.settled()
})

t.test(
  'Nobody joins with a token that is wrong, expired, used up or for another hub, or under a name that is none',
  async (t) => {
    const cluster = await createCluster(t, { nodes: 1 })
    const other = await createCluster(t, { nodes: 0 })
    const attempt = async (text: string, nodeName?: string) => {
      const token = parseJoinToken(text)
      if (!token) return 'no token'
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-joining-'))
      t.teardown(() => rmSync(dir, { recursive: true, force: true }))
      try {
        const { nodeName: name } = await joinHub({
          token,
          dir,
          facts: facts(),
          ...(nodeName !== undefined && { nodeName }),
        })
        return `joined as ${name}`
      } catch (error) {
        return error instanceof JoinRefused ? error.reason : String(error)
      }
    }
    const nodes = () => cluster.api.get('/api/v1/nodes').then(({ items }) => items.length)

    t.equal(await attempt(await cluster.token({ ttlMs: -1 })), 'Forbidden', 'expired')
    t.equal(await attempt((await cluster.token()).replace(/.{6}$/, 'AAAAAA')), 'no token', 'mistyped')
    const foreign = await other.token({ hub: [new URL(cluster.access.url).host] })
    t.equal(await attempt(foreign), 'WrongHub', 'made by another hub')
    const once = await cluster.token()
    t.equal(await attempt(once, 'second'), 'joined as second')
    t.equal(await attempt(once, 'third'), 'Forbidden', 'used up')
    t.equal(await attempt(await cluster.token(), 'n1'), 'Conflict', 'the name of another')
    const many = await cluster.token({ uses: 20 })
    for (const name of ['../../etc', '#', 'A', 'a'.repeat(64), 'a\u0000', '$SYS'])
      t.match(await attempt(many, name), /^(BadRequest|no token)$/, JSON.stringify(name))
    t.equal(await nodes(), 2)
    const two = await cluster.token({ uses: 2 })
    const all = await Promise.all(Array.from({ length: 5 }, (_, number) => attempt(two, `many-${number}`)))
    t.equal(all.filter((answer) => answer.startsWith('joined')).length, 2, 'as many as the token has uses')
  },
)

t.test('Only who may is let in and let do', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const { viewer } = cluster.access.tokens
  const ask = (method: string, path: string, token: string, body?: unknown) =>
    cluster.api.ask(method, path, { token, ...(body === undefined ? {} : { body }) }).then(({ code }) => code)
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' } }
  const configMaps = '/api/v1/namespaces/default/configmaps'
  t.equal(await ask('GET', '/api/v1/nodes', 'wrong'), 401)
  t.equal(await ask('GET', '/api/v1/nodes', ''), 401)
  t.equal(await ask('GET', '/api/v1/nodes', viewer), 200)
  t.equal(await ask('GET', '/api/v1/secrets', viewer), 403)
  t.equal(await ask('POST', configMaps, viewer, body), 403)
  t.equal(await ask('DELETE', '/api/v1/nodes/n1', viewer), 403)
  t.equal(await ask('GET', '/no/such/route', viewer), 404)
  t.equal(cluster.hub.objects.get(CONFIG_MAP, 'default', 'config'), undefined)
})

t.test('Bad input is answered clearly and leaves everything as it was', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  await cluster.apply(deployment('web', { replicas: 1 }))
  await cluster.settled()
  const configMaps = '/api/v1/namespaces/default/configmaps'
  const before = await cluster.api.get('/apis/apps/v1/namespaces/default/deployments/web')
  const { metadata } = before
  const configMapsBefore = cluster.hub.objects.list(CONFIG_MAP)
  const alias = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
    .split('')
    .map(
      (name, index) =>
        `${name}: &${name} [${Array(9)
          .fill(`*${String.fromCharCode(97 + index)}`)
          .join(',')}]`,
    )
    .join('\n')}`
  const yaml = { 'content-type': 'application/yaml' }
  const web = (change: object) => ({ ...deployment('bad', { replicas: 1 }), ...change })
  const deployments = '/apis/apps/v1/namespaces/default/deployments'
  const head = { apiVersion: 'v1', kind: 'ConfigMap' }
  for (const { what, path = configMaps, body, headers, codes } of [
    { what: '10 MB', body: Buffer.alloc(10_000_000, 'a'), codes: [413] },
    {
      what: '10 MB of JSON',
      body: { ...head, metadata: { name: 'big' }, data: { a: 'a'.repeat(10_000_000) } },
      codes: [413],
    },
    { what: 'an alias bomb', body: `${alias}\napiVersion: v1\nkind: ConfigMap\n`, headers: yaml, codes: [400] },
    { what: 'deep JSON', body: '['.repeat(100_000) + ']'.repeat(100_000), codes: [400] },
    { what: 'deep objects', body: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, codes: [400] },
    { what: 'deep YAML', body: `${'[\n'.repeat(20_000)}`, headers: yaml, codes: [400] },
    { what: 'half of JSON', body: '{"apiVersion":"v1","kind"', codes: [400] },
    { what: 'nothing', body: '', codes: [400] },
    { what: 'null', body: 'null', codes: [400] },
    { what: 'bad UTF-8', body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), codes: [400] },
    { what: 'another kind', body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bad' } }, codes: [400] },
    { what: 'a hostile name', body: { ...head, metadata: { name: '../../../etc/passwd' } }, codes: [422] },
    { what: 'an endless name', body: { ...head, metadata: { name: 'a'.repeat(100_000) } }, codes: [422] },
    {
      what: 'a prototype',
      body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad","__proto__":{"x":1}}}',
      codes: [400],
    },
    { what: 'another media type', body: 'x', headers: { 'content-type': 'image/png' }, codes: [415] },
    { what: 'a wrong type', path: deployments, body: web({ spec: { replicas: 'three' } }), codes: [400, 422] },
    {
      what: 'a fraction',
      path: deployments,
      body: web({ spec: { ...deployment('bad').spec, replicas: 1.5 } }),
      codes: [400, 422],
    },
    {
      what: 'a negative',
      path: deployments,
      body: web({ spec: { ...deployment('bad').spec, replicas: -1 } }),
      codes: [422],
    },
    {
      what: 'an unknown field, strictly',
      path: `${deployments}?fieldValidation=Strict`,
      body: web({ spec: { ...deployment('bad').spec, replicaz: 1 } }),
      codes: [400],
    },
  ]) {
    const reply = await cluster.api.ask('POST', path, { body, ...(headers && { headers }) })
    t.ok(codes.includes(reply.code), `${what}: ${reply.code} ${reply.text.slice(0, 100)}`)
    t.match(reply.json, { kind: 'Status', status: 'Failure', code: reply.code }, what)
  }
  const after = await cluster.api.get('/apis/apps/v1/namespaces/default/deployments/web')
  t.equal(after.metadata.resourceVersion, metadata.resourceVersion)
  t.same(cluster.hub.objects.list(CONFIG_MAP), configMapsBefore)
  t.equal((await cluster.api.get(deployments)).items.length, 1)
  await cluster.settled()
})

const LARGE_BYTES = 900_000

t.test('A watcher that does not read is ended, and the others miss nothing', async (t) => {
  const cluster = await createCluster(t, { nodes: 1 })
  const path = '/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name=busy'
  const quick = await cluster.api.watch(path)
  const slow = await cluster.api.open('GET', path)
  let isOver = false
  slow.on('close', () => (isOver = true))
  slow.on('error', () => (isOver = true))
  slow.pause()
  await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'busy' } })
  // First what fills every buffer between hub and client, then more lines than the hub holds back.
  const large = Math.ceil(socketBuffersBytesMax() / LARGE_BYTES) + 1
  const changes = large + PENDING_MAX + 1_000
  for (let number = 1; number <= changes; number++) {
    cluster.hub.objects.modify(CONFIG_MAP, 'default', 'busy', (current) => ({
      ...current,
      data: { number: String(number), noise: number <= large ? 'x'.repeat(LARGE_BYTES) : '' },
    }))
    if (number <= large || number % 1_000 === 0) await cluster.eventually(() => quick.events.length >= number)
  }
  slow.resume()
  await cluster.eventually(() => isOver)
  t.equal(quick.isOver(), false)
  await cluster.eventually(() => quick.events.length === changes + 1)
  const numbers = quick.events.slice(1).map(({ object }) => Number(object.data.number))
  t.ok(
    numbers.every((number, index) => number === index + 1),
    'every change came once and in order',
  )
})

/** On a busy machine; a session without beats ends after four minutes here. */
const SERVED_WITHIN_MS = 30_000

t.test('A device that does not read delays no other', async (t) => {
  // Beats so rare that nobody ends its session meanwhile: what waited for it would wait for longer than this test does.
  const cluster = await createCluster(t, { nodes: 2, hub: { beatEvery: 60_000 } })
  const large = (version: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'large' },
    data: {
      noise: Buffer.from(systemRandom.bytes(600_000)).toString('base64'),
      version: String(version),
    },
  })
  const volumes = [{ name: 'large', configMap: { name: 'large' } }]
  const containers = [container({ volumeMounts: [{ name: 'large', mountPath: '/large' }] })]
  await cluster.apply(large(0), newPod('heavy', { nodeName: 'n1', volumes, containers }))
  await cluster.settled()
  cluster.disconnect('n1')
  for (let version = 1; version <= 6; version++) {
    await cluster.apply(large(version), newPod(`light-${version}`, { nodeName: 'n2' }))
    await cluster.eventually(() => cluster.running(`light-${version}`).count === 1, SERVED_WITHIN_MS)
  }
  t.equal(cluster.ready('n1'), 'True', 'it still counts as connected')
  cluster.reconnect('n1')
  await cluster.settled()
})
