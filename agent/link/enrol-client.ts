// enrol-client.ts - joins a fleet: fetches the CA, compares it with the token, and only then sends the secret
import { X509Certificate } from 'node:crypto'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type * as v from 'valibot'
import { sha256Hex } from '../../shared/hash.ts'
import {
  ENROL_CA_PATH,
  ENROL_CHECK_PATH,
  ENROL_PATH,
  enrolAnswer,
  enrolRefusal,
  tokenCheckAnswer,
  type EnrolAnswer,
  type EnrolRequest,
  type TokenCheckAnswer,
} from '../../shared/protocol/enrolment.ts'
import type { JoinToken } from '../../shared/protocol/join-token.ts'
import type { NodeFacts } from '../../shared/protocol/messages.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { splitAddress } from './hub-address.ts'
import { loadOrCreateKey, type Identity } from './identity.ts'
import { saveIdentity } from './identity-files.ts'

/** A slow link, a slow device and a TLS handshake. */
const ANSWER_WITHIN_MS = 20_000
const ANSWER_BYTES_MAX = 128 * 1024

/** The hub's answer was a refusal; its message is for the person who runs `join`. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused'
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

export interface JoinRequest {
  token: JoinToken
  /** Where the identity is kept. */
  dir: string
  facts: NodeFacts
  nodeName?: string
}

/** Tries the token's addresses in order; throws the last error. The identity is on the disk when it resolves. */
export async function join({ token, dir, facts, nodeName }: JoinRequest): Promise<Identity> {
  let failure: unknown = new Error('the token names no address')
  for (const address of token.addresses) {
    try {
      const ca = await fetchCa(address)
      if (!isCaOf(token, ca)) throw new JoinRefused('WrongHub', wrongHub(address))
      return await joinAt(address, ca)
    } catch (error) {
      // A refusal is an answer: another address of the same hub would say the same.
      if (error instanceof JoinRefused && error.reason !== 'WrongHub') throw error
      failure = error
    }
  }
  throw failure

  async function joinAt(address: string, ca: string): Promise<Identity> {
    const key = loadOrCreateKey(dir)
    const { certificateRequest } = await import('./certificate-request.ts')
    const csr = await certificateRequest(key)
    const { id: tokenId, secret } = token
    const answer = await enrol(address, ca, { tokenId, secret, csr, facts, ...(nodeName && { nodeName }) })
    const { host, port: apiPort } = splitAddress(address)
    const others = token.addresses.filter((other) => other !== address)
    const { nodeName: name, certificate, signingKeys, rootKey, keySet, mqttPort } = answer
    const trust = { signingKeys, ...(rootKey && keySet && { rootKey, keySet }) }
    const identity = { nodeName: name, hub: { host, apiPort, mqttPort, others }, ca, certificate, key, ...trust }
    saveIdentity(dir, identity)
    return identity
  }
}

const wrongHub = (address: string) => `${address} shows another CA than the token was made for: the secret was not sent`

/** Nothing is trusted yet, so nothing is told either: the answer is only compared. */
export async function fetchCa(address: string): Promise<string> {
  const { status, body } = await ask(address, { path: ENROL_CA_PATH, rejectUnauthorized: false })
  if (status !== 200) throw new Error(`${address} answers ${status} when asked for its CA: is this the hub's API port?`)
  return body.toString('utf8')
}

export function isCaOf(token: JoinToken, caPem: string): boolean {
  try {
    return sha256Hex(new X509Certificate(caPem).raw) === token.caFingerprint
  } catch {
    // Not a certificate at all: no hub.
    return false
  }
}

const enrol = (address: string, ca: string, request: EnrolRequest): Promise<EnrolAnswer> =>
  post(address, { path: ENROL_PATH, ca }, request, enrolAnswer)

/** Whether the hub would take this token; sent only to a hub whose CA is the token's. Changes nothing there. */
export async function checkToken(address: string, token: JoinToken): Promise<TokenCheckAnswer> {
  const ca = await fetchCa(address)
  if (!isCaOf(token, ca)) throw new JoinRefused('WrongHub', wrongHub(address))
  return post(address, { path: ENROL_CHECK_PATH, ca }, { tokenId: token.id, secret: token.secret }, tokenCheckAnswer)
}

/** The hub's wall clock, to the second. */
export async function hubWallMs(address: string): Promise<number> {
  const { date } = await ask(address, { path: ENROL_CA_PATH, rejectUnauthorized: false })
  const wallMs = Date.parse(date ?? '')
  if (Number.isNaN(wallMs)) throw new Error(`${address} does not say what time it is`)
  return wallMs
}

async function post<T>(
  address: string,
  options: RequestOptions,
  body: object,
  schema: v.GenericSchema<unknown, T>,
): Promise<T> {
  const { status, body: answered } = await ask(address, { ...options, method: 'POST' }, JSON.stringify(body))
  if (status === 200) {
    const answer = parseBody(schema, answered)
    if (answer.ok) return answer.value
    throw new Error(`the hub's answer makes no sense: ${answer.why}`)
  }
  const refusal = parseBody(enrolRefusal, answered)
  if (refusal.ok) throw new JoinRefused(refusal.value.reason, refusal.value.message)
  throw new Error(`${address} answers ${status}`)
}

interface Answer {
  status: number
  body: Buffer
  date?: string
}

function ask(address: string, options: RequestOptions, body?: string): Promise<Answer> {
  const { host, port } = splitAddress(address)
  const headers =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const request = httpsRequest({ host, port, agent: false, headers, signal, ...options }, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error(`${address} answers more than any hub does`))
        chunks.push(chunk)
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), date: response.headers.date }),
      )
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}
