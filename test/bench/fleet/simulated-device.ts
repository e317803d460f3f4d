// simulated-device.ts - a device as the hub sees it: enrolled, with the agent's own link over real TLS and MQTT, running nothing
import { generateKeyPairSync } from 'node:crypto'
import { request, type RequestOptions } from 'node:https'
import * as v from 'valibot'
import { certificateRequest } from '../../../agent/link/certificate-request.ts'
import { fetchCa } from '../../../agent/link/enrol-client.ts'
import { splitAddress } from '../../../agent/link/hub-address.ts'
import type { Identity } from '../../../agent/link/identity.ts'
import { createLink, type Link } from '../../../agent/link/link.ts'
import { rfc3339, systemClock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { enrolAnswer, ENROL_PATH } from '../../../shared/protocol/enrolment.ts'
import type { JoinToken } from '../../../shared/protocol/join-token.ts'
import type { NodeFacts, Sample } from '../../../shared/protocol/messages.ts'
import { systemRandom } from '../../../shared/random.ts'
import { createMemoryCache } from './memory-cache.ts'

const GIB = 1024 ** 3

const factsOf = (name: string): NodeFacts => ({
  ...{ hostname: name, machineId: name, bootId: name, os: 'linux', osImage: 'Simulated', kernel: '6.1' },
  ...{ architecture: 'amd64', cpus: 4, memoryBytes: 2 * GIB, diskBytes: 16 * GIB },
  addresses: [{ type: 'InternalIP', address: '10.0.0.7' }],
})

/** As lively as a device that idles: every number changes a little from beat to beat. */
function sample(): Sample {
  const some = (around: number) => Math.round(around * (0.95 + 0.1 * systemRandom.float()))
  return {
    cpu: some(100),
    mem: some(300) * 1e6,
    disk: some(100) * 1e7,
    load: some(20),
    temp: some(450),
    up: some(1e6),
    rx: some(1e4) * 1e5,
    tx: some(1e3) * 1e5,
  }
}

/** The hub counts how many ask from one address: a fleet comes from several. */
export async function enrolDevice(token: JoinToken, nodeName: string, localAddress: string): Promise<Identity> {
  const [address = ''] = token.addresses
  const { host, port: apiPort } = splitAddress(address)
  const ca = await fetchCa(address)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const csr = await certificateRequest(key)
  const body = JSON.stringify({ tokenId: token.id, secret: token.secret, csr, nodeName, facts: factsOf(nodeName) })
  const text = await post({ host, port: apiPort, path: ENROL_PATH, ca, localAddress, method: 'POST' }, body)
  const { mqttPort, certificate, signingKeys } = v.parse(enrolAnswer, JSON.parse(text))
  return { nodeName, hub: { host, apiPort, mqttPort }, ca, certificate, key, signingKeys }
}

function post(options: RequestOptions, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const outgoing = request({ agent: false, headers, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export function createSimulatedDevice(identity: Identity): Link {
  return createLink({
    ...{ identity, clock: systemClock, random: systemRandom, log: silentLog, sample },
    cache: createMemoryCache(() => rfc3339(systemClock.wallMs())),
    facts: () => factsOf(identity.nodeName),
    runtimes: () => [{ name: 'docker', version: 'docker://simulated', os: 'linux', architecture: 'amd64' }],
    labels: () => ({ 'holdfast.dev/runtime-docker': 'true' }),
    onCall() {},
    settings: { transport: 'mqtt', agentVersion: 'bench' },
  })
}
