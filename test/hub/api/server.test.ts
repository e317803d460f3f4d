// server.test.ts - the server itself: who may come in, what is refused before it is read, what a broken client gets
import { once } from 'node:events'
import { get } from 'node:https'
import { connect } from 'node:tls'
import t from 'tap'
import { startTestHub, type TestHub } from '../../support/test-hub.ts'

t.test('anybody may ask for health and version, nobody without a token for more', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  for (const path of ['/healthz', '/livez', '/readyz', '/livez/ping']) {
    t.match(await hub.ask('GET', path, { token: '' }), { code: 200, text: 'ok' })
    t.match(await hub.ask('HEAD', path, { token: '' }), { code: 200, text: '' })
  }
  t.match((await hub.ask('GET', '/readyz?verbose', { token: '' })).text, /\[\+\]ping ok\n.*readyz check passed/s)
  t.match((await hub.ask('GET', '/version', { token: '' })).json, {
    major: '1',
    minor: '32',
    gitVersion: /^v1\.32\.4\+holdfast/,
  })
  const refused = await hub.ask('GET', '/api/v1/pods', { token: '' })
  t.match(refused.json, { kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401 })
  t.equal((await hub.ask('GET', '/api', { token: '' })).code, 401)
  t.equal((await hub.ask('GET', '/api/v1/pods', { token: 'wrong' })).code, 401)
})

t.test('a viewer reads, and is told in upstream words what it may not do', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const token = hub.tokens.viewer
  t.equal((await hub.ask('GET', '/api/v1/namespaces/default/pods', { token })).code, 200)
  t.equal((await hub.ask('GET', '/openapi/v3', { token })).code, 200)
  const refused = await hub.ask('DELETE', '/api/v1/namespaces/default/pods/x', { token })
  t.match(refused.json, {
    code: 403,
    message:
      'pods "x" is forbidden: User "viewer" cannot delete resource "pods" in API group "" in the namespace "default"',
  })
})

t.test('an unknown path is a 404 before its body is looked at', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const body = Buffer.from('not json at all')
  for (const path of [
    '/apis/nowhere.io/v1/things',
    '/api/v1/namespaces/default/pods/x/nothing',
    '/api/v1/namespaces/default/nodes',
    '/x',
    '//x',
    '/%zz/x',
  ])
    t.match(
      await hub.ask('POST', path, { body, headers: { 'content-type': 'text/nonsense' } }),
      { code: path.includes('%') ? 400 : 404 },
      path,
    )
})

t.test('bodies that are too large, too deep, not text or not known are refused, and the server lives on', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const path = '/api/v1/namespaces/default/pods'
  const post = async (body: unknown, type = 'application/json') => {
    const { code, json } = await hub.ask('POST', path, { body, headers: { 'content-type': type } })
    return { code, reason: json.reason, message: json.message }
  }
  t.match(await post(Buffer.alloc(10 * 1024 * 1024, 0x20)), { code: 413, reason: 'RequestEntityTooLarge' })
  t.match(await post('['.repeat(100_000)), { code: 400, message: /nested deeper/ })
  t.match(await post(Buffer.from([0x22, 0xff, 0xfe, 0x22])), { code: 400, message: /UTF-8/ })
  t.match(await post('{"a":'), { code: 400, message: /error decoding/ })
  t.match(await post('x', 'text/plain'), { code: 415 })
  t.match(await post('k8s', 'application/vnd.kubernetes.protobuf'), { code: 400 })
  t.match(await post('- '.repeat(20_000), 'application/yaml'), { code: 400, message: /nested deeper/ })
  t.match(await post('[1]'), { code: 400 })
  t.match(await post('null'), { code: 400 })
  t.match(await post('{"__proto__":{"polluted":1}}'), { code: 400 })
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.equal((await hub.ask('GET', path)).code, 200)
})

t.test('a body without a length is bounded too', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const socket = connect({ port: hub.server.address().port, host: '127.0.0.1', ca: hub.caPem })
  t.teardown(() => socket.destroy())
  const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
  socket.on('error', () => socket.destroy())
  socket.write(
    `POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${hub.tokens.admin}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  for (let sent = 0; sent < 40; sent += 1) socket.write(chunk)
  t.match(await answer, /^HTTP\/1.1 413 /)
  socket.destroy()
})

t.test('a route outside the API names who may use it, or the server does not start', async (t) => {
  const routes = [{ path: '/hello', handle() {} }]
  // What a forgetful author in JavaScript would write.
  const forgetful = routes as unknown as []
  await t.rejects(startTestHub({ extensions: [{ routes: forgetful }] }), /names no permission/)
})

t.test('routes outside the API are for whom they say', async (t) => {
  const hub = await startTestHub({
    extensions: [
      {
        routes: [
          { path: '/open', permission: 'anyone', handle: (_request, response) => void response.end('open') },
          {
            path: '/closed/',
            permission: 'anyone authenticated',
            handle: (_request, response) => void response.end('closed'),
          },
          {
            path: '/devices',
            permission: 'node certificate',
            handle: (_request, response) => void response.end('device'),
          },
        ],
        handlers: {
          '/pods/log': () => {
            throw new Error('the secret inside')
          },
        },
      },
    ],
  })
  t.teardown(() => hub.stop())
  t.match(await hub.ask('GET', '/open', { token: '' }), { code: 200, text: 'open' })
  t.match(await hub.ask('GET', '/closed/x', { token: '' }), { code: 401 })
  t.match(await hub.ask('GET', '/closed/x'), { code: 200, text: 'closed' })
  for (const detour of [
    '/healthz/../closed/x',
    '/healthz/%2e%2e/closed/x',
    '/healthz\\..\\closed/x',
    '//healthz/../closed/x',
  ])
    t.equal(await codeOf(hub, detour), 401, detour)
  t.match(await hub.ask('GET', '/devices'), { code: 401 })
  const broken = await hub.ask('GET', '/api/v1/namespaces/default/pods/x/log')
  t.match(broken.json, { code: 500, reason: 'InternalError', message: /see request .* in the log/ })
  t.notMatch(broken.text, /secret inside/)
  t.equal(hub.server.counters.internalErrors, 1)
})

/** The path as it is written: clients would tidy it up. */
async function codeOf({ url, caPem: ca }: TestHub, path: string): Promise<number | undefined> {
  const { hostname: host, port } = new URL(url)
  const [response] = await once(get({ host, port, path, ca, agent: false }), 'response')
  response.destroy()
  return response.statusCode
}

t.test('large answers are compressed for those who can read that, and YAML is spoken when asked', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const body = { metadata: { name: 'big' }, data: { text: 'x'.repeat(300_000) } }
  t.equal((await hub.ask('POST', '/api/v1/namespaces/default/configmaps', { body })).code, 201)
  const packed = await hub.ask('GET', '/api/v1/namespaces/default/configmaps/big', {
    headers: { 'accept-encoding': 'gzip' },
  })
  t.match(packed.headers, { 'content-encoding': 'gzip' })
  t.ok(Number(packed.headers['content-length']) < 100_000)
  const yaml = await hub.ask('GET', '/api/v1/namespaces/default', { headers: { accept: 'application/yaml' } })
  t.match(yaml, { code: 200, headers: { 'content-type': 'application/yaml' }, text: /kind: Namespace/ })
  t.equal((await hub.ask('GET', '/api/v1/namespaces', { headers: { accept: 'application/xml' } })).code, 406)
})

t.test('a hub that stops ends its watches and comes to an end', async (t) => {
  const hub = await startTestHub()
  t.teardown(() => hub.stop())
  const watch = await hub.open('GET', '/api/v1/pods?watch=true')
  const ended = new Promise<void>((resolve) => watch.on('end', resolve))
  watch.resume()
  await hub.server.stop()
  await ended
  t.equal(hub.server.counters.watchesOpen, 0)
})
