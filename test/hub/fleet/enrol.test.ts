// enrol.test.ts - checks who gets in, once, and under which name
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchCa, isCaOf, JoinRefused } from '../../../agent/link/enrol-client.ts'
import { readIdentity } from '../../../agent/link/identity-files.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { SECRET } from '../../../shared/kinds/secret.ts'
import { freeName } from '../../../hub/fleet/enrol.ts'
import { startFleetRig } from '../../support/fleet-rig.ts'

t.test('A device with a token becomes a node with the site and labels of the token', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const dir = rig.folder()
  const identity = await rig.join(rig.token({ site: 'shop-7', labels: { tier: 'till' } }), {
    hostname: 'Till One.local',
    dir,
  })
  t.equal(identity.nodeName, 'till-one')
  const node = rig.objects.get(NODE, undefined, 'till-one')
  t.match(node?.metadata.labels, {
    'topology.kubernetes.io/zone': 'shop-7',
    tier: 'till',
    'kubernetes.io/arch': 'arm64',
  })
  t.same(readIdentity(dir), { kind: 'member', identity, damage: [] })
  for (const name of ['identity.json', 'identity.copy.json'])
    t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
})

t.test('A hundred uses at once of a token for one device give one identity', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const token = rig.token({ usesLeft: 1 })
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => rig.join(token)))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(rig.objects.list(NODE).length, 1)
  const refused = results.find((result) => result.status === 'rejected')
  t.match(refused?.reason, { name: 'JoinRefused', reason: 'Forbidden' })
})

t.test('Wrong, expired and used-up tokens get the same answer', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const used = rig.token()
  await rig.join(used)
  const wrong = { ...rig.token(), secret: 'AAAAAAAAAAAAAAAAAAAAAA' }
  const unknown = { ...rig.token(), id: 'ffffffffff' }
  const messages = new Set<string>()
  for (const token of [used, wrong, unknown, rig.token({ expiresAtMs: 1 })]) {
    const error: unknown = await rig.join(token).catch((failure: unknown) => failure)
    t.ok(error instanceof JoinRefused)
    messages.add(String(error))
  }
  t.equal(messages.size, 1)
})

t.test('The hub keeps only the hash of a token', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const { secret } = rig.token()
  const kept = JSON.stringify(rig.objects.list(SECRET, 'kube-system'))
  t.notOk(kept.includes(secret) || kept.includes(Buffer.from(secret).toString('base64')))
})

t.test('A device whose answer was lost asks again with its key and is the same node', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const [token, dir] = [rig.token(), rig.folder()]
  const first = await rig.join(token, { dir })
  const second = await rig.join(token, { dir })
  t.equal(second.nodeName, first.nodeName)
  t.equal(rig.objects.list(NODE).length, 1)
})

t.test(
  'A device that has lost its identity joins as the same node again, with its key, its name and a new token',
  async (t) => {
    const rig = await startFleetRig()
    t.teardown(() => rig.stop())
    const dir = rig.folder()
    const first = await rig.join(undefined, { dir, nodeName: 'till' })
    const once = rig.token({ usesLeft: 1 })
    const again = await rig.join(once, { dir, nodeName: 'till' })
    t.equal(again.nodeName, 'till')
    t.equal(again.key, first.key)
    t.equal(rig.objects.list(NODE).length, 1)
    await rig.join(once, { dir, nodeName: 'till' })
    t.pass('and once more with the same token, should the answer have been lost')
    await t.rejects(rig.join(once, { dir: rig.folder() }), /not valid/, 'the token was used up')
  },
)

t.test(
  'A card that was copied with its key, and a device that was removed, do not become that node with another token',
  async (t) => {
    const rig = await startFleetRig()
    t.teardown(() => rig.stop())
    const dir = rig.folder()
    await rig.join(undefined, { dir, nodeName: 'till' })
    await t.rejects(
      rig.join(undefined, { dir, nodeName: 'till-2' }),
      /enrolled before: join as node "till" again, or make a new/,
    )
    rig.objects.delete(NODE, undefined, 'till')
    await t.rejects(rig.join(undefined, { dir, nodeName: 'till' }), /enrolled before: make a new one/)
  },
)

t.test('A name that is taken is refused when asked for, and counted up when made from the host name', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  await rig.join(undefined, { nodeName: 'till' })
  await t.rejects(rig.join(undefined, { nodeName: 'till' }), /is a node "till" already/)
  await t.rejects(rig.join(undefined, { nodeName: '../etc' }), /is no node name/)
  t.equal((await rig.join(undefined, { hostname: 'till' })).nodeName, 'till-2')
})

t.test('A refused name does not use up the token', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  await rig.join(undefined, { nodeName: 'till' })
  const token = rig.token({ usesLeft: 1 })
  await t.rejects(rig.join(token, { nodeName: 'till' }))
  t.equal((await rig.join(token, { nodeName: 'till-9' })).nodeName, 'till-9')
})

t.test('The secret stays at home when the CA is not the one of the token', async (t) => {
  const rig = await startFleetRig()
  t.teardown(() => rig.stop())
  const token = { ...rig.token(), caFingerprint: '0'.repeat(64) }
  t.notOk(isCaOf(token, await fetchCa(rig.address)))
  await t.rejects(rig.join(token), /another CA/)
  t.equal(rig.objects.list(NODE).length, 0)
})

t.test('Any host name makes a valid node name', async (t) => {
  t.equal(
    freeName('Shop 7_é.example.com', () => false),
    'shop-7',
  )
  t.equal(
    freeName('---', () => false),
    'node',
  )
  t.equal(
    freeName('a', (name) => name === 'a' || name === 'a-2'),
    'a-3',
  )
  t.match(
    freeName('x'.repeat(300), (name) => !name.includes('-')),
    /^x{56}-2$/,
  )
})
