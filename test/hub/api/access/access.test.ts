// access.test.ts - checks who is let in as whom, over real HTTP: tokens, service accounts, devices, impersonation
import { generateKeyPairSync } from 'node:crypto'
import { createServer, request as httpRequest } from 'node:http'
import t, { type Test } from 'tap'
import { createAccess } from '../../../../hub/api/access/create-access.ts'
import { createServiceAccountTokens, ISSUER } from '../../../../hub/api/access/service-account-tokens.ts'
import { createTokenKey } from '../../../../hub/api/access/token-key.ts'
import { findToken, mintToken } from '../../../../hub/api/access/tokens.ts'
import { createObjects } from '../../../../hub/store/objects.ts'
import { NAMESPACE } from '../../../../shared/kinds/namespace.ts'
import { POD } from '../../../../shared/kinds/pod.ts'
import { SERVICE_ACCOUNT } from '../../../../shared/kinds/service-account.ts'
import { StatusError } from '../../../../shared/kinds/status-error.ts'
import { systemRandom } from '../../../../shared/random.ts'
import { createManualClock } from '../../../support/manual-clock.ts'
import { startedStore } from '../../../support/store.ts'

interface Answer {
  user?: { name: string; uid?: string; groups: string[]; extra?: Record<string, string[]>; expiresAtMonoMs?: number }
  code?: number
  message?: string
}

/** An open door: answers who the request is from, or how it was refused. */
async function startDoor(t: Test, { node }: { node?: string } = {}) {
  const clock = createManualClock()
  const store = await startedStore({ clock })
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  const admin = mintToken('admin', systemRandom)
  const viewer = mintToken('viewer', systemRandom)
  const key = createTokenKey(generateKeyPairSync('ed25519').privateKey)
  const serviceAccountTokens = createServiceAccountTokens({ key, clock, random: systemRandom })
  const access = createAccess({
    objects,
    tokens: () => [admin.record, viewer.record],
    serviceAccountTokens,
    identifyNode: () => node,
    clock,
  })
  const server = createServer((request, response) => {
    access.authenticate(request).then(
      (user) => response.end(JSON.stringify({ user })),
      (error: unknown) => {
        const { code, message } = error instanceof StatusError ? error : { code: 500, message: String(error) }
        response.end(JSON.stringify({ code, message }))
      },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await store.stop()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const knock = (headers: Record<string, string | string[]>, path = '/api/v1/pods') =>
    new Promise<Answer>((resolve, reject) => {
      const request = httpRequest({ port, path, headers, agent: false }, (response) => {
        let text = ''
        response.on('data', (data) => (text += String(data)))
        response.on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject)
      request.end()
    })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  return { knock, bearer, access, objects, clock, serviceAccountTokens, admin: admin.token, viewer: viewer.token }
}

t.test('The two built-in users come in with their tokens; what is kept of a token cannot be used as one', async (t) => {
  const { knock, bearer, admin, viewer } = await startDoor(t)
  t.match(await knock(bearer(admin)), { user: { name: 'admin', groups: ['system:masters', 'system:authenticated'] } })
  t.match(await knock(bearer(viewer)), {
    user: { name: 'viewer', groups: ['holdfast:viewers', 'system:authenticated'] },
  })
  const minted = mintToken('admin', systemRandom)
  t.notMatch(JSON.stringify(minted.record), minted.token)
  t.equal(findToken(minted.token, [minted.record]), minted.record)
  t.equal(findToken(minted.record.hash, [minted.record]), undefined)
})

t.test('Whoever brings nothing, or something wrong, is told to log in', async (t) => {
  const { knock, bearer } = await startDoor(t)
  for (const headers of [{}, bearer('wrong'), bearer(''), { authorization: 'Basic YWRtaW46YWRtaW4=' }, bearer('a.b.c')])
    t.same(await knock(headers), { code: 401, message: 'Unauthorized' })
})

t.test('Health and version are open to anybody, as nobody', async (t) => {
  const { knock } = await startDoor(t)
  for (const path of ['/healthz', '/livez/ping', '/readyz?verbose', '/version'])
    t.match(await knock({}, path), { user: { name: 'system:anonymous', groups: ['system:unauthenticated'] } }, path)
  for (const path of ['/api', '/apis', '/metrics', '/healthzz']) t.match(await knock({}, path), { code: 401 }, path)
})

t.test('A browser can bring its token as a WebSocket subprotocol', async (t) => {
  const { knock, admin } = await startDoor(t)
  const word = `base64url.bearer.authorization.k8s.io.${Buffer.from(admin).toString('base64url')}`
  t.match(await knock({ 'sec-websocket-protocol': `v5.channel.k8s.io, ${word}` }), { user: { name: 'admin' } })
})

t.test('A device comes in as its node, and a token is asked first', async (t) => {
  const { knock, bearer, admin } = await startDoor(t, { node: 'node-1' })
  t.match(await knock({}), { user: { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] } })
  t.match(await knock(bearer(admin)), { user: { name: 'admin' } })
  t.match(await knock(bearer('wrong')), { code: 401 })
})

t.test('A service account comes in with a token that was made for it, until the token expires', async (t) => {
  const { knock, bearer, objects, clock, serviceAccountTokens } = await startDoor(t)
  const account = objects.create(SERVICE_ACCOUNT, account1)
  const { token, expiresAtWallMs } = serviceAccountTokens.issue({ ...forAccount(account.metadata.uid) })
  t.equal(expiresAtWallMs - Math.floor(clock.wallMs() / 1000) * 1000, 600_000)
  const { user } = await knock(bearer(token))
  t.match(user, {
    name: 'system:serviceaccount:default:robot',
    uid: account.metadata.uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  })
  t.equal(user?.expiresAtMonoMs, clock.monoMs() + expiresAtWallMs - clock.wallMs())
  await clock.advance(600_000)
  t.match(await knock(bearer(token)), { code: 401 })
})

t.test('A token dies with its account, its pod, and any change of its bytes', async (t) => {
  const { knock, bearer, objects, serviceAccountTokens } = await startDoor(t)
  const account = objects.create(SERVICE_ACCOUNT, account1)
  const { token } = serviceAccountTokens.issue(forAccount(account.metadata.uid))
  const [head = '', body = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 1e6 })).toString('base64url')
  const noAlgorithm = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const wrong of [
    `${head}.${forged}.${signature}`,
    `${noAlgorithm}.${body}.`,
    `${noAlgorithm}.${body}.${signature}`,
    `${token}.x`,
  ])
    t.match(await knock(bearer(wrong)), { code: 401 })

  const spec = { containers: [{ name: 'main', image: 'app' }], serviceAccountName: 'robot' }
  const pod = objects.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec,
  })
  const bound = serviceAccountTokens.issue({
    ...forAccount(account.metadata.uid),
    pod: { name: 'web', uid: pod.metadata.uid },
  })
  t.match(await knock(bearer(bound.token)), { user: { extra: { 'authentication.kubernetes.io/pod-name': ['web'] } } })
  objects.delete(POD, 'default', 'web', { gracePeriodSeconds: 0 })
  t.match(await knock(bearer(bound.token)), { code: 401 })

  t.match(await knock(bearer(token)), { user: {} })
  objects.delete(SERVICE_ACCOUNT, 'default', 'robot')
  objects.create(SERVICE_ACCOUNT, account1)
  t.match(await knock(bearer(token)), { code: 401 }, 'another account of the same name is another')
})

t.test('A token for another audience does not open the API, and opens what it is for', async (t) => {
  const { knock, bearer, access, objects, serviceAccountTokens } = await startDoor(t)
  const account = objects.create(SERVICE_ACCOUNT, account1)
  const { token } = serviceAccountTokens.issue({ ...forAccount(account.metadata.uid), audiences: ['vault'] })
  t.match(await knock(bearer(token)), { code: 401 })
  t.match(access.userOfToken(token, ['vault']), { name: 'system:serviceaccount:default:robot' })
})

t.test('An administrator may act as somebody else, with exactly the rights that they name', async (t) => {
  const { knock, bearer, admin } = await startDoor(t)
  const as = (headers: Record<string, string | string[]>) => knock({ ...bearer(admin), ...headers })
  t.match(await as({ 'impersonate-user': 'admin' }), { user: { name: 'admin', groups: ['system:authenticated'] } })
  t.same((await as({ 'impersonate-user': 'bob', 'impersonate-group': ['a,b', 'c'] })).user?.groups, [
    'a,b',
    'c',
    'system:authenticated',
  ])
  t.match(
    await as({ 'impersonate-user': 'bob', 'impersonate-uid': 'u1', 'impersonate-extra-acme.com%2Fteam': ['x', 'y'] }),
    {
      user: { uid: 'u1', extra: { 'acme.com/team': ['x', 'y'] } },
    },
  )
  t.match(await as({ 'impersonate-user': 'system:serviceaccount:default:robot' }), {
    user: { groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'] },
  })
  t.same((await as({ 'impersonate-user': 'system:anonymous' })).user?.groups, ['system:unauthenticated'])
  t.match(await as({ 'impersonate-group': 'system:masters' }), { code: 400, message: /without impersonating a user/ })
})

t.test(
  'Anybody else who tries is refused in the words of Kubernetes, and the call never runs with their own rights',
  async (t) => {
    const { knock, bearer, viewer } = await startDoor(t)
    t.same(await knock({ ...bearer(viewer), 'impersonate-user': 'admin' }), {
      code: 403,
      message:
        'users "admin" is forbidden: User "viewer" cannot impersonate resource "users" in API group "" at the cluster scope',
    })
    t.same(await knock({ ...bearer(viewer), 'impersonate-user': 'system:serviceaccount:default:robot' }), {
      code: 403,
      message:
        'serviceaccounts "robot" is forbidden: User "viewer" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    })
  },
)

t.test('Who fails too often is told to wait, and the operator beside them still comes in', async (t) => {
  const { knock, bearer, admin, clock } = await startDoor(t)
  for (let n = 0; n < 20; n++) t.equal((await knock(bearer(`guess-${n}`))).code, 401)
  t.match(await knock(bearer('guess-20')), { code: 429, message: /wrong credentials/ })
  t.match(await knock(bearer(admin)), { user: { name: 'admin' } })
  await clock.advance(2_000)
  t.equal((await knock(bearer('guess-21'))).code, 401)
})

const account1 = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'default' } }

const forAccount = (uid: string) => ({
  namespace: 'default',
  serviceAccount: { name: 'robot', uid },
  audiences: [ISSUER],
  expirationSeconds: 600,
})
