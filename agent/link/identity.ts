// identity.ts - who this device is: its own key, the hub's certificate for it, and what it trusts of the hub
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { sha256Hex } from '../../shared/hash.ts'
import { keySet } from '../../shared/protocol/key-set.ts'
import { readIfThere, writeDurably } from '../cache/durable-file.ts'

const pem = v.pipe(v.string(), v.startsWith('-----BEGIN '))
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

/** Enough to believe what the hub has signed for this device, and to know what on the disk is ours; no secret. */
export const trustSchema = v.object({
  nodeName: v.pipe(v.string(), v.maxLength(63)),
  ca: pem,
  /** Public keys that sign desired states and calls, oldest first. */
  signingKeys: v.pipe(v.array(pem), v.minLength(1)),
  /** What may name other keys; devices that joined before there was one have to join again for a rotation. */
  rootKey: v.optional(pem),
  keySet: v.optional(keySet),
})
export type Trust = v.InferOutput<typeof trustSchema>

export const identitySchema = v.object({
  ...trustSchema.entries,
  /** Where the hub was reached when this device joined, and the other addresses that the token named ("host:port"). */
  hub: v.object({ host: v.string(), apiPort: port, mqttPort: port, others: v.optional(v.array(v.string())) }),
  certificate: pem,
  key: pem,
})
export type Identity = v.InferOutput<typeof identitySchema>

/** Kept from the first attempt to join on: when the answer is lost on the way, the same key asks again. */
const KEY_FILE = 'joining.key'

/** A device that has joined another hub, or under another name, must not run what it held before. */
export const ownerOf = ({ nodeName, ca }: Pick<Trust, 'nodeName' | 'ca'>): string =>
  `${nodeName} ${sha256Hex(ca).slice(0, 16)}`

/** The private key never leaves the device. */
export function loadOrCreateKey(dir: string): string {
  const file = join(dir, KEY_FILE)
  const kept = readIfThere(file)
  if (kept) return kept.toString('utf8')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writeDurably(file, Buffer.from(text))
  return text
}
