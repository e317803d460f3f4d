// held-state.ts - what the ratchet compares with: number, key and bytes of the desired state in the cache
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'
import { dictionaryOf, type Dictionary } from '../../shared/protocol/dictionary.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import type { Mark } from '../../shared/protocol/ratchet.ts'
import type { Cache } from '../cache/cache.ts'

/** Which of the trusted keys signed what is held: numbers count per key. */
const KEY_RANK = 'link.key-rank'
/** The hub may have written against the one before, because our beat has not reached it yet. */
const DICTIONARIES_KEPT = 2

export interface HeldState {
  /** Undefined when nothing is held that can be trusted. */
  mark(): Mark | undefined
  /** The highest that was ever held, also when it is lost; undefined on a device that never held anything. */
  floor(): Mark | undefined
  dictionary(id: number): Uint8Array | undefined
  /** To the disk, and only then into what others see. Throws when the disk does not take it. */
  commit(state: DesiredState, body: Buffer, signed: Uint8Array, keyRank: number): void
}

export function createHeldState(cache: Cache): HeldState {
  let known: { mark: Mark; dictionaries: readonly Dictionary[] } | undefined

  const load = () => {
    const state = cache.desired()
    if (known || !state) return known
    const body = Buffer.from(canonicalJson(state))
    known = { mark: markOf(state, body, Number(cache.getValue(KEY_RANK) ?? 0)), dictionaries: [windowOf(body)] }
    return known
  }

  return {
    mark: () => load()?.mark,
    floor() {
      const { epoch, revision, digest } = cache.floor()
      if (epoch === 0 && revision === 0) return undefined
      return { keyRank: Number(cache.getValue(KEY_RANK) ?? 0), epoch, revision, digest }
    },
    dictionary: (id) => load()?.dictionaries.find((dictionary) => dictionary.id === id)?.bytes,
    commit(state, body, signed, keyRank) {
      const before = load()
      cache.commitDesired(state, signed)
      // Afterwards: a crash in between leaves a lower rank, and the next state of the newer key is taken all the same.
      if (before?.mark.keyRank !== keyRank) cache.setValue(KEY_RANK, String(keyRank))
      const dictionaries = [windowOf(body), ...(before?.dictionaries ?? [])].slice(0, DICTIONARIES_KEPT)
      known = { mark: markOf(state, body, keyRank), dictionaries }
    },
  }
}

const markOf = ({ epoch, revision }: DesiredState, body: Buffer, keyRank: number): Mark => ({
  keyRank,
  epoch,
  revision,
  digest: sha256Hex(body),
})

/** Copied: the window is small, the body behind it may be large. */
function windowOf(body: Buffer): Dictionary {
  const { id, bytes } = dictionaryOf(body)
  return { id, bytes: Buffer.from(bytes) }
}
