// signing-keys.ts - the key that signs what devices obey, and the root key that says which one it is; PEM files in the folder of the keys
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keySet, KEYS_MAX, isGenuine, newestOf, signKeySet, type KeySet } from '../../shared/protocol/key-set.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { writePrivateFile } from './private-file.ts'

export interface SigningKeys {
  privateKey: KeyObject
  rootKeyPem: string
  keySet: KeySet
}

/** The private root key is needed for a rotation only: keep it elsewhere, and it cannot be stolen with the hub. */
const ROOT_KEY = 'root.key'
const ROOT_PUBLIC = 'root.pub'
const SIGNING_KEY = 'signing.key'
const KEY_SET = 'keys.json'

export function loadOrCreateSigningKeys(dir: string): SigningKeys {
  const file = (name: string) => join(dir, name)
  if (!existsSync(file(KEY_SET))) createKeySet(dir)
  const rootKeyPem = read(file(ROOT_PUBLIC))
  const parsed = parseBody(keySet, readFileSync(file(KEY_SET)))
  if (!parsed.ok || !isGenuine(parsed.value, rootKeyPem))
    throw new Error(`${file(KEY_SET)} is not signed by ${ROOT_PUBLIC}: restore both from a backup`)
  const privateKey = createPrivateKey(read(file(SIGNING_KEY)))
  if (publicPemOf(privateKey) !== newestOf(parsed.value).pem)
    throw new Error(
      `${file(SIGNING_KEY)} is not the newest key of ${KEY_SET}: restore it, or run holdfast-hub rotate-signing-key`,
    )
  return { privateKey, rootKeyPem, keySet: parsed.value }
}

/** Of a new fleet, or of one whose devices joined before there was a root key. */
function createKeySet(dir: string): void {
  const file = (name: string) => join(dir, name)
  if (existsSync(file(ROOT_PUBLIC)) && !existsSync(file(ROOT_KEY)))
    throw new Error(`${file(KEY_SET)} is missing: restore it; without ${ROOT_KEY} it cannot be made anew`)
  const root = loadOrCreateKey(file(ROOT_KEY))
  const signing = loadOrCreateKey(file(SIGNING_KEY))
  writePrivateFile(file(ROOT_PUBLIC), publicPemOf(root))
  const keys = [{ rank: 0, pem: publicPemOf(signing) }]
  writePrivateFile(file(KEY_SET), JSON.stringify(signKeySet({ version: 1, keys }, root)))
}

export interface Rotation {
  /** The present key is in somebody else's hands: nothing that it has signed is believed any more. */
  isCompromised: boolean
}

/** For a hub that does not run. Answers the version of the new set. */
export function rotateSigningKey(dir: string, { isCompromised }: Rotation): number {
  const file = (name: string) => join(dir, name)
  if (!existsSync(file(KEY_SET))) createKeySet(dir)
  if (!existsSync(file(ROOT_KEY)))
    throw new Error(`${file(ROOT_KEY)} is not there: bring it back for the rotation, then put it away again`)
  const parsed = parseBody(keySet, readFileSync(file(KEY_SET)))
  if (!parsed.ok) throw new Error(`${file(KEY_SET)} makes no sense: ${parsed.why}`)
  const { version, keys } = parsed.value
  const next = generateKeyPairSync('ed25519').privateKey
  const kept = isCompromised ? [] : keys.slice(-(KEYS_MAX - 1))
  const added = { rank: newestOf(parsed.value).rank + 1, pem: publicPemOf(next) }
  const set = signKeySet({ version: version + 1, keys: [...kept, added] }, createPrivateKey(read(file(ROOT_KEY))))
  // In this order: a crash in between is told at the next start, and mended by running this again.
  writePrivateFile(file(SIGNING_KEY), privatePemOf(next))
  writePrivateFile(file(KEY_SET), JSON.stringify(set))
  return set.version
}

function loadOrCreateKey(path: string): KeyObject {
  if (existsSync(path)) return createPrivateKey(read(path))
  const { privateKey } = generateKeyPairSync('ed25519')
  writePrivateFile(path, privatePemOf(privateKey))
  return privateKey
}

const publicPemOf = (key: KeyObject): string =>
  createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }))
    .export({ type: 'spki', format: 'pem' })
    .toString()
const privatePemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const read = (file: string): string => readFileSync(file, 'utf8')
