// pki.test.ts - checks that identities survive restarts, new addresses and the years
import { X509Certificate } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadOrCreatePki, fingerprintOf } from '../../../hub/fleet/pki.ts'
import { systemRandom } from '../../../shared/random.ts'

const wanted = { names: ['localhost', 'hub.example'], addresses: ['127.0.0.1', '::1'], random: systemRandom }

t.test('The keys stay the same over restarts and nobody else can read them', async (t) => {
  const dir = join(t.testdir(), 'pki')
  const first = await loadOrCreatePki({ dir, ...wanted })
  const second = await loadOrCreatePki({ dir, ...wanted })
  t.equal(second.caPem, first.caPem)
  t.equal(second.serverCertPem, first.serverCertPem)
  t.equal(second.signer.keyId, first.signer.keyId)
  t.equal(first.caFingerprint, fingerprintOf(first.caPem))
  for (const file of readdirSync(dir)) t.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file)
})

t.test('A new address makes a new server certificate under the same CA', async (t) => {
  const dir = join(t.testdir(), 'pki')
  const first = await loadOrCreatePki({ dir, ...wanted })
  const second = await loadOrCreatePki({ dir, ...wanted, addresses: ['127.0.0.1', '10.0.0.7'] })
  t.equal(second.caPem, first.caPem)
  t.not(second.serverCertPem, first.serverCertPem)
  t.ok(new X509Certificate(second.serverCertPem).checkIP('10.0.0.7'))
})

t.test('Certificates hold from 1970 to the end of 9999', async (t) => {
  const pki = await loadOrCreatePki({ dir: join(t.testdir(), 'pki'), ...wanted })
  for (const pem of [pki.caPem, pki.serverCertPem]) {
    const certificate = new X509Certificate(pem)
    t.equal(Date.parse(certificate.validFrom), 0)
    t.match(certificate.validTo, /Dec 31 23:59:59 9999 GMT/)
  }
})

t.test('A lost half of the CA stops the hub instead of making a new fleet', async (t) => {
  const dir = join(t.testdir(), 'pki')
  await loadOrCreatePki({ dir, ...wanted })
  rmSync(join(dir, 'ca.key'))
  await t.rejects(loadOrCreatePki({ dir, ...wanted }), /missing/)
})
