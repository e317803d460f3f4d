// peer.ts - who a TLS client is, from the certificate that it proved to own
import { createHash, type X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { isNodeName } from '../../shared/protocol/topics.ts'
import type { Peer } from './broker.ts'

/** Written into every device's certificate; users' certificates do not have it. */
const NODE_ORGANIZATION = 'holdfast:nodes'

/** Undefined for anybody who is not a device with a certificate of our CA. */
export function peerOf(socket: Duplex): Peer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return undefined
  const { O: organization, CN: node } = subjectOf(certificate)
  if (organization !== NODE_ORGANIZATION || node === undefined || !isNodeName(node)) return undefined
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return { node, keyFingerprint: createHash('sha256').update(key).digest('hex') }
}

/** A line for each part; one that stands there twice counts as absent. */
function subjectOf(certificate: X509Certificate): { O?: string; CN?: string } {
  const lines = certificate.subject.split('\n')
  const only = (prefix: string) => {
    const [value, ...more] = lines.filter((line) => line.startsWith(prefix))
    return more.length === 0 ? value?.slice(prefix.length) : undefined
  }
  const [organization, commonName] = [only('O='), only('CN=')]
  return {
    ...(organization !== undefined && { O: organization }),
    ...(commonName !== undefined && { CN: commonName }),
  }
}
