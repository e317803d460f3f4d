// call-rig.ts - a hub's end and agents' ends of calls, joined by real TLS and WebSockets; only MQTT is a function call
import 'reflect-metadata'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import * as x509 from '@peculiar/x509'
import { createCallServer, type CallServer } from '../../agent/link/calls.ts'
import { createStreamOpener } from '../../agent/link/stream-socket.ts'
import { createCallHandlers } from '../../agent/runtime/calls/create-call-handlers.ts'
import type { Runtime } from '../../agent/runtime/runtime.ts'
import { acceptWebSocket } from '../../hub/api/streams/websocket.ts'
import { createCalls, type Calls } from '../../hub/fleet/calls.ts'
import { loadOrCreatePki, type Pki } from '../../hub/fleet/pki.ts'
import { systemClock, type Clock } from '../../shared/clock.ts'
import { silentLog } from '../../shared/log.ts'
import type { CallMessage } from '../../shared/protocol/calls.ts'
import { MESSAGE_BYTES_MAX } from '../../shared/protocol/frames.ts'
import { systemRandom } from '../../shared/random.ts'

export interface CallRig {
  calls: Calls
  pki: Pki
  url: string
  server: Server
  /** An agent that is connected from now on. */
  addAgent(node: string, runtimes: readonly Runtime[], certificateOf?: string): Promise<RigAgent>
  /** What went down, for tests that send it again. */
  sent: CallMessage[]
}

export interface RigAgent {
  calls: CallServer
  connected: boolean
  session: number
}

/** The server is stopped with the test. */
export async function startCallRig(t: Test, clock: Clock = systemClock): Promise<CallRig> {
  const pki = await loadOrCreatePki({
    dir: t.testdir(),
    names: ['localhost'],
    addresses: ['127.0.0.1'],
    random: systemRandom,
  })
  const agents = new Map<string, RigAgent>()
  const sent: CallMessage[] = []
  const calls = createCalls({
    link: {
      session: (node) => (agents.get(node)?.connected ? agents.get(node)?.session : undefined),
      sendCall(node, message) {
        const agent = agents.get(node)
        if (!agent?.connected) return false
        sent.push(message)
        agent.calls.take(message, agent.session)
        return true
      },
      lastHeardWallMs: () => undefined,
    },
    identify: nodeOfRequest,
    accept: (request, socket, head, then) =>
      acceptWebSocket(request, socket, head, { protocols: [], messageBytesMax: MESSAGE_BYTES_MAX, clock }, then),
    clock,
    random: systemRandom,
    log: silentLog,
  })
  const server = createServer({
    cert: pki.serverCertPem,
    key: pki.serverKeyPem,
    ca: pki.caPem,
    requestCert: true,
    rejectUnauthorized: false,
  })
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith(calls.route.path)) calls.route.upgrade(request, socket, head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${portOf(server)}`
  t.teardown(async () => {
    for (const agent of agents.values()) await agent.calls.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    calls,
    pki,
    url,
    server,
    sent,
    async addAgent(node, runtimes, certificateOf = node) {
      const identity = await identityFor(pki, certificateOf)
      const agent: RigAgent = {
        connected: true,
        session: 7,
        calls: createCallServer({
          openStream: createStreamOpener({ hubAddress: () => new URL(url).host, identity: () => identity, clock }),
          handle: createCallHandlers({ runtimes, clock, describePod: () => undefined }),
          clock,
          log: silentLog,
        }),
      }
      agents.set(node, agent)
      return agent
    },
  }
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port

export function nodeOfRequest({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const { CN } = socket.getPeerCertificate().subject
  return typeof CN === 'string' ? CN : undefined
}

async function identityFor(pki: Pki, node: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const importKey = (format: 'pkcs8' | 'spki', der: Buffer, usages: ('sign' | 'verify')[]) =>
    webcrypto.subtle.importKey(format, der, algorithm, true, usages)
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${node}`,
    keys: {
      privateKey: await importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), ['sign']),
      publicKey: await importKey('spki', publicKey.export({ type: 'spki', format: 'der' }), ['verify']),
    },
    signingAlgorithm: algorithm,
  })
  const certificate = await pki.issueNode(request.toString('pem'), node)
  return { ca: pki.caPem, certificate, key: pkcs8 }
}
