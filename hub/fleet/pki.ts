// pki.ts - the hub's certificate authority, its server certificate and its signing key, kept as PEM files in the data folder
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../shared/random.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { createSigner, type Signer } from '../../shared/protocol/signing.ts'
import type { KeySet } from '../../shared/protocol/key-set.ts'
import { writePrivateFile } from './private-file.ts'
import { loadOrCreateSigningKeys } from './signing-keys.ts'
import * as certificates from './certificates.ts'

export interface PkiDeps {
  dir: string
  /** What the server certificate is good for; new ones make a new certificate under the same CA. */
  names: readonly string[]
  addresses: readonly string[]
  random: Random
}

export interface Pki {
  readonly caPem: string
  /** SHA-256 of the CA certificate, hexadecimal: what join tokens carry. */
  readonly caFingerprint: string
  readonly serverCertPem: string
  readonly serverKeyPem: string
  readonly signer: Signer
  /** Oldest first: what devices trust for desired states and calls. */
  readonly signingKeysPem: readonly string[]
  /** For rotations; a hub that plays without keys of its own has none. */
  readonly trust?: { rootKeyPem: string; keySet: KeySet }
  /** SHA-256 of the public key; rejects when the request is not one that its own key has signed. */
  keyOfRequest(csrPem: string): Promise<string>
  /** Takes only the key from the request: who the device is, the hub decides. */
  issueNode(csrPem: string, node: string): Promise<string>
}

export async function loadOrCreatePki({ dir, names, addresses, random }: PkiDeps): Promise<Pki> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(dir, name)
  const authority = await loadOrCreateAuthority(file('ca.crt'), file('ca.key'), random)
  const server = await loadOrCreateServer(file('server.crt'), file('server.key'), authority, {
    names,
    addresses,
    random,
  })
  const { privateKey, rootKeyPem, keySet } = loadOrCreateSigningKeys(dir)
  return {
    caPem: authority.certificatePem,
    caFingerprint: fingerprintOf(authority.certificatePem),
    serverCertPem: server.certificatePem,
    serverKeyPem: server.keyPem,
    signer: createSigner(privateKey),
    signingKeysPem: keySet.keys.toSorted((a, b) => a.rank - b.rank).map(({ pem }) => pem),
    trust: { rootKeyPem, keySet },
    async keyOfRequest(csrPem) {
      const key = createPublicKey({ key: await certificates.keyOfRequest(csrPem), format: 'der', type: 'spki' })
      if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key must be ECDSA on P-256')
      return sha256Hex(key.export({ type: 'spki', format: 'der' }))
    },
    issueNode: (csrPem, node) => certificates.issueNode(authority, csrPem, node, random),
  }
}

/** SHA-256 of the whole certificate. */
export const fingerprintOf = (certificatePem: string): string => sha256Hex(new X509Certificate(certificatePem).raw)

async function loadOrCreateAuthority(certFile: string, keyFile: string, random: Random): Promise<certificates.Issued> {
  if (existsSync(certFile) !== existsSync(keyFile)) {
    // A new CA would lock out every device of the fleet: never make one because a file went missing.
    throw new Error(`one of ${certFile} and ${keyFile} is missing: restore it, or remove both to begin a new fleet`)
  }
  if (existsSync(certFile)) return { certificatePem: read(certFile), keyPem: read(keyFile) }
  const made = await certificates.createAuthority(random)
  writePrivateFile(keyFile, made.keyPem)
  writePrivateFile(certFile, made.certificatePem)
  return made
}

async function loadOrCreateServer(
  certFile: string,
  keyFile: string,
  authority: certificates.Issued,
  wanted: Pick<PkiDeps, 'names' | 'addresses' | 'random'>,
): Promise<certificates.Issued> {
  if (existsSync(certFile) && existsSync(keyFile)) {
    const held = { certificatePem: read(certFile), keyPem: read(keyFile) }
    if (covers(held, authority, wanted)) return held
  }
  const made = await certificates.issueServer(authority, wanted.names, wanted.addresses, wanted.random)
  writePrivateFile(keyFile, made.keyPem)
  writePrivateFile(certFile, made.certificatePem)
  return made
}

function covers(
  held: certificates.Issued,
  authority: certificates.Issued,
  wanted: Pick<PkiDeps, 'names' | 'addresses'>,
) {
  const certificate = new X509Certificate(held.certificatePem)
  const ca = new X509Certificate(authority.certificatePem)
  return (
    certificate.checkPrivateKey(createPrivateKey(held.keyPem)) &&
    certificate.verify(ca.publicKey) &&
    wanted.names.every((name) => certificate.checkHost(name) !== undefined) &&
    wanted.addresses.every((address) => certificate.checkIP(address) !== undefined)
  )
}

const read = (file: string): string => readFileSync(file, 'utf8')
