// certificate-request.ts - asks for a certificate of this device's key (PKCS #10); loaded only while joining
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Without a name: the hub decides who this is. */
export async function certificateRequest(keyPem: string): Promise<string> {
  x509.cryptoProvider.set(webcrypto)
  const [der] = x509.PemConverter.decode(keyPem)
  if (!der) throw new Error('the key of this device is not readable')
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', privateKey)
  const publicJwk = { kty, crv, x, y } as webcrypto.JsonWebKey
  const publicKey = await webcrypto.subtle.importKey('jwk', publicJwk, ALGORITHM, true, ['verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey, publicKey },
    signingAlgorithm: ALGORITHM,
  })
  return request.toString('pem')
}
