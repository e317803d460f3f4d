// enrolment.ts - what a device sends to join a fleet and what it gets; the paths on the hub's HTTPS port
import * as v from 'valibot'
import { keySet } from './key-set.ts'
import { nodeFacts } from './messages.ts'

export const ENROL_PATH = '/enrol'
/** Answers the CA's certificate to anybody: compared with the token before the secret is sent. */
export const ENROL_CA_PATH = '/enrol/ca'

/** Says whether a token would be taken, without taking it: what `join` shows before it changes anything. */
export const ENROL_CHECK_PATH = '/enrol/check'

const pem = v.pipe(v.string(), v.maxLength(8_192))

const credentials = {
  tokenId: v.pipe(v.string(), v.regex(/^[a-z0-9]{6,32}$/)),
  secret: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{22}$/)),
}

export const tokenCheck = v.object(credentials)
export type TokenCheck = v.InferOutput<typeof tokenCheck>

/** Of MQTT over TLS at the same address. */
const mqttPort = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

export const tokenCheckAnswer = v.object({
  usesLeft: v.number(),
  expiresInMs: v.number(),
  /** Tried before the token is spent; hubs before it sent none. */
  mqttPort: v.optional(mqttPort),
})
export type TokenCheckAnswer = v.InferOutput<typeof tokenCheckAnswer>

export const enrolRequest = v.object({
  ...credentials,
  /** PKCS #10: only its key is taken, and that it is signed by that key. */
  csr: pem,
  /** Asked for by name: taken means refused. Otherwise one is made from the host name. */
  nodeName: v.optional(v.pipe(v.string(), v.maxLength(63))),
  facts: nodeFacts,
})
export type EnrolRequest = v.InferOutput<typeof enrolRequest>

export const enrolAnswer = v.object({
  nodeName: v.pipe(v.string(), v.maxLength(63)),
  certificate: pem,
  ca: pem,
  /** Public keys that sign desired states and calls, oldest first. */
  signingKeys: v.pipe(v.array(pem), v.minLength(1), v.maxLength(8)),
  /** What may name other keys later; hubs before it sent none. */
  rootKey: v.optional(pem),
  keySet: v.optional(keySet),
  mqttPort,
})
export type EnrolAnswer = v.InferOutput<typeof enrolAnswer>

/** Why not, in words for the person who runs `join`. */
export const enrolRefusal = v.object({ reason: v.string(), message: v.string() })
export type EnrolRefusal = v.InferOutput<typeof enrolRefusal>
