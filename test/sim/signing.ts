// signing.ts - the hub's keys in a run: the signature is real, certificates are a matter of the network that is not there
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import type { Pki } from '../../hub/fleet/pki.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { createSigner, type Signer } from '../../shared/protocol/signing.ts'

/** PKCS #8 around 32 bytes of an Ed25519 key. */
const HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

const keyFrom = (text: string) =>
  createPrivateKey({
    key: Buffer.concat([HEAD, createHash('sha256').update(text).digest()]),
    format: 'der',
    type: 'pkcs8',
  })

const hubKey = keyFrom('the hub')
export const HUB_SIGNER: Signer = createSigner(hubKey)
export const HUB_KEY_PEM = createPublicKey(hubKey).export({ type: 'spki', format: 'pem' }).toString()
/** Nobody trusts it. */
export const STRANGER_SIGNER: Signer = createSigner(keyFrom('a stranger'))

/** Who asks with these words has the key that they name. */
export const fingerprintOf = (node: string): string => sha256Hex(node)

export const createSimPki = (signer: Signer): Pki => ({
  caPem: 'ca',
  caFingerprint: '',
  serverCertPem: '',
  serverKeyPem: '',
  signer,
  signingKeysPem: [HUB_KEY_PEM],
  keyOfRequest: async (csr) => fingerprintOf(csr),
  issueNode: async () => 'certificate',
})
