// http-get.ts - the GET of probes and hooks: bounded in time and bytes, and it never follows a link to another host
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock } from '../../shared/clock.ts'

export interface HttpGet {
  scheme: 'http' | 'https'
  host: string
  port: number
  path: string
  headers: readonly (readonly [name: string, value: string])[]
  timeoutMs: number
}

export interface HttpAnswer {
  status: number
  body: string
}

/** As much as upstream shows of an answer. */
const BODY_BYTES_MAX = 10_240
const REDIRECTS_MAX = 10

/** Throws when there is no answer in time. */
export async function httpGet(get: HttpGet, clock: Clock): Promise<HttpAnswer> {
  const abort = new AbortController()
  const timer = clock.after(get.timeoutMs, () =>
    abort.abort(
      new Error(`Get "${urlOf(get)}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`),
    ),
  )
  try {
    return await follow(new URL(urlOf(get)), get, abort.signal)
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error
  } finally {
    timer.cancel()
  }
}

async function follow(url: URL, get: HttpGet, signal: AbortSignal): Promise<HttpAnswer> {
  for (let hop = 0; ; hop++) {
    const answer = await getOnce(url, get, signal)
    const next = answer.location === undefined ? undefined : safeUrl(answer.location, url)
    // An answer that leads elsewhere is an answer: it lives. Going there would let a workload aim the agent at others.
    if (!next || next.hostname !== url.hostname) return answer
    if (hop >= REDIRECTS_MAX) throw new Error(`Get "${url.href}": stopped after ${REDIRECTS_MAX} redirects`)
    url = next
  }
}

function getOnce(url: URL, { headers }: HttpGet, signal: AbortSignal): Promise<HttpAnswer & { location?: string }> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    const own: Record<string, string> = { 'User-Agent': 'kube-probe/holdfast', Accept: '*/*', Connection: 'close' }
    for (const [name, value] of headers) own[name] = value
    // The workload's certificate is its own business, as upstream.
    const call = request(url, { headers: own, signal, agent: false, rejectUnauthorized: false }, (response) => {
      const status = response.statusCode ?? 0
      const isRedirect = status >= 300 && status < 400
      const location = isRedirect ? response.headers.location : undefined
      let body = ''
      const done = () => {
        response.destroy()
        resolve({ status, body, ...(location !== undefined && { location }) })
      }
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body = (body + chunk).slice(0, BODY_BYTES_MAX)
        if (body.length >= BODY_BYTES_MAX) done()
      })
      response.on('end', done)
      response.on('error', reject)
    })
    call.on('error', reject)
    // An answer of 101 is neither an answer nor an error to Node: nothing but this comes.
    call.on('close', () => reject(new Error(`Get "${url.href}": the connection was closed without an answer`)))
    call.end()
  })
}

function safeUrl(location: string, base: URL): URL | undefined {
  if (!URL.canParse(location, base.href)) return undefined
  const url = new URL(location, base)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

const urlOf = ({ scheme, host, port, path }: HttpGet) =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? path : `/${path}`}`
