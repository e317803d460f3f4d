// calls.ts - requests to one agent whose answers are streams: logs, exec, attach, port-forward, usage
import * as v from 'valibot'
import { CPUS_MAX } from './messages.ts'

const target = { podUid: v.pipe(v.string(), v.maxLength(64)), container: v.pipe(v.string(), v.maxLength(63)) }
const streams = { stdin: v.boolean(), stdout: v.boolean(), stderr: v.boolean(), tty: v.boolean() }

export const callRequest = v.variant('kind', [
  v.object({
    kind: v.literal('logs'),
    ...target,
    follow: v.boolean(),
    previous: v.boolean(),
    timestamps: v.boolean(),
    tailLines: v.optional(v.number()),
    sinceSeconds: v.optional(v.number()),
    limitBytes: v.optional(v.number()),
  }),
  v.object({ kind: v.literal('exec'), ...target, ...streams, command: v.pipe(v.array(v.string()), v.minLength(1)) }),
  v.object({ kind: v.literal('attach'), ...target, ...streams }),
  v.object({ kind: v.literal('portforward'), podUid: target.podUid, port: v.number() }),
  v.object({ kind: v.literal('usage') }),
])
export type CallRequest = v.InferOutput<typeof callRequest>

/**
 * Down, signed. The agent answers by opening a WebSocket to the hub at `/agent/streams/<id>`, showing its certificate.
 * It takes each number once, and only in the session that it was made for; the time to live counts from receipt, on the
 * agent's monotonic clock, because its wall clock may be wrong.
 */
export const callMessage = v.object({
  type: v.literal('call'),
  session: v.number(),
  number: v.number(),
  /** 128 bit, random: knowing it is the right to be this stream's other end, on top of the certificate. */
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  ttlMs: v.number(),
  request: callRequest,
})
export type CallMessage = v.InferOutput<typeof callMessage>

/**
 * First byte of every frame on the stream. The agent sends `started` once it has found what the call is about: until
 * then the hub can still refuse its client in plain words.
 */
export const CHANNEL = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  result: 3,
  resize: 4,
  stdinEnd: 5,
  stdoutEnd: 6,
  started: 7,
} as const

/** Body of a `resize` frame, as JSON. */
export const resizeBody = v.object({ columns: v.number(), rows: v.number() })

/** The last frame on channel `result`: how the call ended. */
export const callResult = v.variant('outcome', [
  v.object({ outcome: v.literal('done'), exitCode: v.number(), body: v.optional(v.unknown()) }),
  v.object({ outcome: v.literal('failed'), reason: v.string(), message: v.string() }),
])
export type CallResult = v.InferOutput<typeof callResult>

/** What is older, or an average over more, says nothing of now. */
const USAGE_MS_MAX = 24 * 3_600_000
const upTo = (max: number) => v.pipe(v.number(), v.minValue(0), v.maxValue(max))

/** Ages, not times: the device's wall clock may be wrong. */
export const containerUsage = v.object({
  ...target,
  cpuNanoCores: upTo(1e9 * CPUS_MAX),
  memoryBytes: upTo(Number.MAX_SAFE_INTEGER),
  ageMs: upTo(USAGE_MS_MAX),
  windowMs: upTo(USAGE_MS_MAX),
})
export type ContainerUsage = v.InferOutput<typeof containerUsage>

/** Body of the result of a `usage` call. One container whose numbers make no sense must not take the others with it. */
export const usageBody = v.object({ containers: v.array(v.unknown()) })
export interface UsageBody {
  containers: ContainerUsage[]
}

/** One call as the hub's API sees it; frames keep their order. */
export interface CallStream {
  /** Waits for the other side. Never rejects: a program may end before its input, and `ended` says how it was. */
  send(channel: number, data: Uint8Array): Promise<void>
  /** The returned promise holds back the next frame: this is the back-pressure. */
  onFrame(listener: (channel: number, data: Uint8Array) => void | Promise<void>): void
  /** Resolves once, after the last frame: with the result, or as failed when the stream broke. */
  readonly ended: Promise<CallResult>
  close(): void
}

/** The other end: one call as the agent answers it. */
export interface AnswerStream {
  /** Says that what the call is about was found; frames follow. Without it a failed result is a refusal. */
  begin(): Promise<void>
  /** Waits for the other side; rejects when it is gone. */
  send(channel: number, data: Uint8Array): Promise<void>
  onFrame(listener: (channel: number, data: Uint8Array) => void | Promise<void>): void
}

/** Why a call failed, as far as the hub can say it in the words of HTTP; anything else is an internal error. */
export const FAILURE = {
  notFound: 'NotFound',
  badRequest: 'BadRequest',
  unavailable: 'ServiceUnavailable',
  timeout: 'Timeout',
} as const

export const failed = (reason: string, message: string): CallResult => ({ outcome: 'failed', reason, message })

/** The port through which the API reaches an agent. */
export interface NodeCalls {
  /** Resolves when the agent has begun; throws StatusError when the node cannot be reached or the agent refuses. */
  open(node: string, request: CallRequest, signal: AbortSignal): Promise<CallStream>
}
