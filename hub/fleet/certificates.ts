// certificates.ts - makes X.509 certificates: the CA, the server's, and one for each device
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Random } from '../../shared/random.ts'

/** An identity is a key, not a date: devices boot in 1970 and come back after years. As IEEE 802.1AR has it. */
const NOT_BEFORE = new Date('1970-01-01T00:00:00Z')
const NOT_AFTER = new Date('9999-12-31T23:59:59Z')
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const SERIAL_BYTES = 16
/** Tells a device's certificate from any other that this CA may have signed. */
export const NODE_ORGANIZATION = 'holdfast:nodes'

export interface Issued {
  certificatePem: string
  keyPem: string
}

x509.cryptoProvider.set(webcrypto)

export async function createAuthority(random: Random): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(random),
    name: `CN=holdfast-ca-${Buffer.from(random.bytes(4)).toString('hex')}`,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: pem(certificate), keyPem: await keyPem(keys.privateKey) }
}

export async function issueServer(
  authority: Issued,
  names: readonly string[],
  addresses: readonly string[],
  random: Random,
): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await issue(authority, keys.publicKey, 'CN=holdfast-hub', random, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      ...names.map((value) => ({ type: 'dns' as const, value })),
      ...addresses.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ])
  return { certificatePem: certificate, keyPem: await keyPem(keys.privateKey) }
}

/** The public key, as DER. */
export async function keyOfRequest(csrPem: string): Promise<Buffer> {
  const request = new x509.Pkcs10CertificateRequest(csrPem)
  if (!(await request.verify())) throw new Error('it is not signed by its own key')
  return Buffer.from(request.publicKey.rawData)
}

export async function issueNode(authority: Issued, csrPem: string, node: string, random: Random): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(csrPem)
  const key = await request.publicKey.export()
  const subject: x509.JsonName = [{ O: [NODE_ORGANIZATION] }, { CN: [node] }]
  return issue(authority, key, subject, random, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ])
}

async function issue(
  authority: Issued,
  publicKey: webcrypto.CryptoKey,
  subject: string | x509.JsonName,
  random: Random,
  extensions: x509.Extension[],
): Promise<string> {
  const ca = new x509.X509Certificate(authority.certificatePem)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(random),
    subject,
    issuer: ca.subject,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: ALGORITHM,
    signingKey: await importKey(authority.keyPem),
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      ...extensions,
    ],
  })
  return pem(certificate)
}

const pem = (certificate: x509.X509Certificate): string => certificate.toString('pem') + '\n'

/** Positive and never empty: the first bit is cleared, the second set. */
function serial(random: Random): string {
  const bytes = Buffer.from(random.bytes(SERIAL_BYTES))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return x509.PemConverter.encode(der, 'PRIVATE KEY') + '\n'
}

function importKey(keyPemText: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(keyPemText)
  if (!der) throw new Error('the key of the CA is not readable')
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}
