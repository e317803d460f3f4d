// identity-files.test.ts - whatever happens to one file of the identity, the device knows who it is, and mends it
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { joinCommand } from '../../../agent/commands/join.ts'
import type { Identity } from '../../../agent/link/identity.ts'
import { healIdentity, readIdentity, saveIdentity } from '../../../agent/link/identity-files.ts'
import { systemClock } from '../../../shared/clock.ts'
import { encodeJoinToken } from '../../../shared/protocol/join-token.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { facts } from '../../support/fleet-rig.ts'
import { asOlderAgentsKeptIt, FIRST, IDENTITY_DAMAGES, LOSSES, SECOND, TRUST } from '../../support/identity-damages.ts'

const trust = {
  nodeName: 'till',
  ca: '-----BEGIN CERTIFICATE----- of the CA',
  signingKeys: ['-----BEGIN PUBLIC KEY-----'],
  rootKey: '-----BEGIN PUBLIC KEY----- of the root',
}
const identity: Identity = {
  ...trust,
  hub: { host: 'hub.example.com', apiPort: 6443, mqttPort: 8883 },
  certificate: '-----BEGIN CERTIFICATE-----',
  key: '-----BEGIN PRIVATE KEY-----',
}
const FILES = [FIRST, SECOND, TRUST]

function joined(t: Test): string {
  const dir = fastDir(t)
  saveIdentity(dir, identity)
  return dir
}
const contents = (dir: string) => FILES.map((name) => readFileSync(join(dir, name), 'utf8'))
const member = (damage: readonly string[] = []) => ({ kind: 'member', identity, damage })

for (const [what, { harm, says, aside }] of Object.entries(IDENTITY_DAMAGES)) {
  t.test(`${what}: the device knows who it is, says what was wrong once, and mends it`, async (t) => {
    const dir = joined(t)
    const before = contents(dir)
    harm(dir)
    t.same(readIdentity(dir), member(says === undefined ? [] : [says]))
    healIdentity(dir, identity)
    t.same(contents(dir), before)
    t.same(readIdentity(dir), member())
    for (const name of FILES) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
    const others = readdirSync(dir).filter((name) => !FILES.some((file) => file === name))
    t.equal(others.length, aside ? 1 : 0, 'nothing else is left behind')
    if (aside) t.match(others[0], aside)
  })
}

t.test('A bad block or a folder in the place of the file is damage as any other', async (t) => {
  const dir = joined(t)
  rmSync(join(dir, FIRST))
  mkdirSync(join(dir, FIRST))
  t.same(readIdentity(dir), member(['the identity was damaged']))
  healIdentity(dir, identity)
  t.same(readIdentity(dir), member())
})

t.test('What is whole is not written again at every start', async (t) => {
  const dir = joined(t)
  const inodes = () => FILES.map((name) => statSync(join(dir, name)).ino)
  const before = inodes()
  healIdentity(dir, identity)
  t.same(inodes(), before)
})

t.test('Copies that differ, because power went between them, become the same', async (t) => {
  const dir = joined(t)
  const newer = { ...identity, hub: { ...identity.hub, host: 'other.example.com' } }
  const other = fastDir(t)
  saveIdentity(other, newer)
  writeFileSync(join(dir, FIRST), readFileSync(join(other, FIRST)))
  t.same(readIdentity(dir), { kind: 'member', identity: newer, damage: [] })
  healIdentity(dir, newer)
  t.same(contents(dir), contents(other))
})

t.test('A device that never joined is no device that has lost its identity', async (t) => {
  t.same(readIdentity(fastDir(t)), { kind: 'none' })
})

for (const [what, lose] of Object.entries(LOSSES)) {
  t.test(`With ${what} the device still knows whose word to take`, async (t) => {
    const dir = joined(t)
    lose(dir)
    t.match(readIdentity(dir), { kind: 'lost', trust })
    t.notMatch(readFileSync(join(dir, TRUST), 'utf8'), /PRIVATE/)
  })
}

t.test('With nothing whole at all, or the only file of an older agent damaged, nobody is believed', async (t) => {
  const dir = joined(t)
  for (const name of FILES) writeFileSync(join(dir, name), '')
  t.same(readIdentity(dir), { kind: 'lost' })
  const old = joined(t)
  asOlderAgentsKeptIt(old)
  const text = readFileSync(join(old, FIRST), 'utf8')
  writeFileSync(join(old, FIRST), text.slice(0, text.length / 2))
  t.same(readIdentity(old), { kind: 'lost' })
})

const token = { id: 'abcdef', secret: 'x'.repeat(22), addresses: ['127.0.0.1:1'], caFingerprint: '0'.repeat(64) }
const tryToJoin = (dataDir: string, nodeName = '') =>
  joinCommand({
    transport: 'mqtt',
    text: encodeJoinToken(token),
    ...{ dataDir, nodeName, runtimes: [], facts: facts(), clock: systemClock, print() {} },
  })

t.test('A device with one whole copy is a member: it does not join again', async (t) => {
  const dir = joined(t)
  rmSync(join(dir, FIRST))
  await t.rejects(tryToJoin(dir), /is node till of the hub at hub.example.com already; .*purge/)
})

t.test('A device that has lost its identity joins no other hub while it runs what the first one wanted', async (t) => {
  const dir = joined(t)
  LOSSES['both copies removed']?.(dir)
  await t.rejects(tryToJoin(dir), /can only become that node of the same hub again; .*purge/)
})
