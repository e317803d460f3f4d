// doctor.test.ts - what `holdfast-agent doctor` says of an identity that is whole, damaged, or lost; it changes nothing
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { doctorCommand } from '../../../agent/commands/doctor.ts'
import { saveIdentity } from '../../../agent/link/identity-files.ts'
import { systemClock } from '../../../shared/clock.ts'
import { fastDir } from '../../support/fast-dir.ts'
import { freePort } from '../../support/free-port.ts'
import { FIRST, SECOND, TRUST } from '../../support/identity-damages.ts'

async function joined(t: Test): Promise<string> {
  const dir = fastDir(t)
  // Nobody is there.
  const port = await freePort()
  saveIdentity(dir, {
    nodeName: 'till',
    hub: { host: '127.0.0.1', apiPort: port, mqttPort: port },
    ca: '-----BEGIN CERTIFICATE-----',
    certificate: '-----BEGIN CERTIFICATE-----',
    key: '-----BEGIN PRIVATE KEY-----',
    signingKeys: ['-----BEGIN PUBLIC KEY-----'],
  })
  return dir
}

async function said(dataDir: string): Promise<string> {
  const printed: string[] = []
  const print = (text: string) => void printed.push(text)
  await doctorCommand({ dataDir, transport: 'mqtt', hub: [], runtimes: [], clock: systemClock, print })
  return printed.join('')
}

t.test('A whole identity passes, one with a damaged copy is noted, and the doctor mends nothing', async (t) => {
  const dir = await joined(t)
  t.match(await said(dir), /PASS {2}the identity of this device: node till of the hub at 127.0.0.1\n/)
  rmSync(join(dir, SECOND))
  t.match(
    await said(dir),
    /NOTE {2}the identity of this device: node till .*; the second copy of the identity was gone\n/,
  )
  t.notOk(existsSync(join(dir, SECOND)))
})

t.test('A device that has lost its identity is told how to be the same node again', async (t) => {
  const dir = await joined(t)
  for (const name of [FIRST, SECOND]) writeFileSync(join(dir, name), '')
  const lost = await said(dir)
  t.match(lost, /FAIL {2}the identity of this device: .* what node till was told to run goes on.*\n.*join <token>`/)
  t.match(lost, /what the agent has noted: nothing yet/, 'its past is told all the same')
  writeFileSync(join(dir, TRUST), '')
  t.match(await said(dir), /FAIL {2}the identity of this device: .* nothing can run\n.*join <token> --node-name/)
})
