// key-ring.ts - which keys this device trusts: those of its enrolment, until the hub's root key names others
import { join } from 'node:path'
import * as v from 'valibot'
import type { Log } from '../../shared/log.ts'
import { isGenuine, keySet, newestOf, type KeySet } from '../../shared/protocol/key-set.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { createVerifier, type Verifier } from '../../shared/protocol/signing.ts'
import { readIfThere, writeDurably } from '../cache/durable-file.ts'
import type { Identity } from './identity.ts'

export interface KeyRing {
  /** Of the set that is in force; undefined on a device that was given no root key when it joined. */
  version(): number | undefined
  /** For what arrives: only the newest key speaks. */
  readonly incoming: Verifier
  /** For what is kept on the disk: those before it still vouch for it. */
  readonly kept: Verifier
  take(body: Uint8Array): KeysVerdict
}

/** Only `taken` has changed anything; `unwritten`: they are good, and the disk refused them. */
export type KeysVerdict = { kind: 'taken' } | { kind: 'refused' | 'unwritten'; why: string }

export interface KeyRingDeps {
  identity: Pick<Identity, 'signingKeys' | 'rootKey' | 'keySet'>
  log: Log
  /** Where a newer set is kept; in memory only without it. */
  file?: KeySetFile
}

export interface KeySetFile {
  read(): Uint8Array | undefined
  write(bytes: Uint8Array): void
}

const KEYS_FILE = 'keys.json'

export const keySetFile = (dir: string): KeySetFile => ({
  read: () => readIfThere(join(dir, KEYS_FILE)),
  write: (bytes) => writeDurably(join(dir, KEYS_FILE), bytes),
})

interface Trusted {
  set: KeySet | undefined
  incoming: Verifier
  kept: Verifier
}

export function createKeyRing({ identity, log, file }: KeyRingDeps): KeyRing {
  const { rootKey } = identity
  let trusted: Trusted | undefined

  /** Read when it is first needed: what is there counts only as far as the root key has signed it. */
  const now = (): Trusted => {
    if (trusted) return trusted
    const stored = rootKey === undefined ? undefined : file?.read()
    const parsed = stored && parseBody(keySet, stored)
    const isUsable = parsed?.ok && rootKey !== undefined && isGenuine(parsed.value, rootKey)
    if (stored && !isUsable)
      log.error({}, 'the file of trusted keys is not signed by the hub: going on with those of the enrolment')
    const given = identity.keySet
    const set = isUsable && parsed.ok && (!given || parsed.value.version > given.version) ? parsed.value : given
    return (trusted = trust(set, identity.signingKeys))
  }

  return {
    version: () => (rootKey === undefined ? undefined : (now().set?.version ?? 0)),
    incoming: { verify: (...message) => now().incoming.verify(...message) },
    kept: { verify: (...message) => now().kept.verify(...message) },
    take(body) {
      if (rootKey === undefined) return refused('this device has no root key to check them with')
      const parsed = parseBody(keySet, body)
      if (!parsed.ok) return refused(parsed.why)
      const { version } = parsed.value
      if (!isGenuine(parsed.value, rootKey)) return refused('the root key has not signed them')
      if (version <= (now().set?.version ?? 0)) return refused(`they are of an older version, ${version}`)
      try {
        // First to the disk: after a crash it must not believe a key again that was taken from it.
        file?.write(Buffer.from(JSON.stringify(v.parse(keySet, parsed.value))))
      } catch (error) {
        return { kind: 'unwritten', why: `the disk refuses them: ${String(error)}` }
      }
      trusted = trust(parsed.value, identity.signingKeys)
      log.info({ version }, 'took new keys of the hub')
      return { kind: 'taken' }
    },
  }
}

const refused = (why: string): KeysVerdict => ({ kind: 'refused', why })

function trust(set: KeySet | undefined, signingKeys: readonly string[]): Trusted {
  if (!set) {
    const verifier = createVerifier(signingKeys)
    return { set, incoming: verifier, kept: verifier }
  }
  return { set, incoming: createVerifier([newestOf(set)]), kept: createVerifier(set.keys) }
}
