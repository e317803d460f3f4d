// enrol-routes.ts - enrolment on the hub's HTTPS port: the CA for anybody, an identity for who brings a token
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Log } from '../../shared/log.ts'
import {
  ENROL_CA_PATH,
  ENROL_CHECK_PATH,
  ENROL_PATH,
  enrolRequest,
  tokenCheck,
} from '../../shared/protocol/enrolment.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { EnrolError, type Enrolment } from './enrol.ts'
import { createTokenBuckets } from './token-bucket.ts'

/** A certificate request and the facts of a device need some 3 KiB. */
const BODY_BYTES_MAX = 64 * 1024
/** A site of a few hundred devices may stand behind one address; secrets are beyond guessing anyway. */
const PER_ADDRESS = { burst: 256, perSecond: 8 }
const ADDRESSES_MAX = 10_000

/** As the API server wants its routes; repeated here because the fleet does not import the API. */
export interface FleetRoute {
  path: string
  permission: 'anyone' | 'own check' | 'node certificate'
  handle?(request: IncomingMessage, response: ServerResponse): Promise<void> | void
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface EnrolRoutesDeps {
  enrolment: Enrolment
  caPem: string
  clock: Clock
  log: Log
}

export function createEnrolRoutes({ enrolment, caPem, clock, log }: EnrolRoutesDeps): FleetRoute[] {
  const buckets = createTokenBuckets(PER_ADDRESS, ADDRESSES_MAX)

  /** A token is the right to be answered; the rate is bounded before it is looked at. */
  const withToken = <T>(
    path: string,
    schema: v.GenericSchema<unknown, T>,
    serve: (body: T) => object | Promise<object>,
  ): FleetRoute => ({
    path,
    permission: 'own check',
    async handle(request, response) {
      const address = request.socket.remoteAddress ?? ''
      if (request.method !== 'POST') return refuse(response, 405, 'MethodNotAllowed', 'POST a token here')
      if (!buckets.take(address, clock.monoMs()))
        return refuse(response, 429, 'TooManyRequests', 'too many attempts, wait a minute')
      try {
        const body = await readBody(request)
        const parsed = body && parseBody(schema, body)
        if (!parsed)
          return refuse(response, 413, 'RequestEntityTooLarge', 'the request is larger than any device needs')
        if (!parsed.ok) return refuse(response, 400, 'BadRequest', parsed.why)
        answer(response, 200, await serve(parsed.value))
      } catch (error) {
        refuseFor(error, response)
      }
    },
  })

  return [
    {
      path: ENROL_CA_PATH,
      permission: 'anyone',
      handle(_request, response) {
        response.writeHead(200, { 'content-type': 'application/x-pem-file' }).end(caPem)
      },
    },
    withToken(ENROL_CHECK_PATH, tokenCheck, (body) => enrolment.check(body)),
    withToken(ENROL_PATH, enrolRequest, (body) => enrolment.enrol(body)),
  ]

  function refuseFor(error: unknown, response: ServerResponse): void {
    if (error instanceof EnrolError) return refuse(response, error.status, error.reason, error.message)
    if (error instanceof StatusError) return refuse(response, error.code, error.reason, error.message)
    log.error({ error }, 'enrolment failed')
    refuse(response, 500, 'InternalError', 'the hub could not enrol this device; its log says why')
  }
}

const refuse = (response: ServerResponse, status: number, reason: string, message: string) =>
  answer(response, status, { reason, message })

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Undefined when it is too large; what comes after the limit is not read. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const part = Buffer.from(chunk)
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) return undefined
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}
