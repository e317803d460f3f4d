// recovery-record.ts - the note that a part of the history was lost: since when, how, and whether it has been dealt with
import { rfc3339 } from '../../shared/clock.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import type { ConfigMap } from '../../shared/kinds/object.ts'
import { RECOVERY_NAME, RECOVERY_NAMESPACE } from '../../shared/recovery.ts'
import type { Change, Reader, Store } from './store.ts'

export interface RecoveryRecord {
  epoch: number
  /** tail: all that came after a moment, as after the restore of a backup. rows: some of everything. */
  loss: 'tail' | 'rows'
  isOpen: boolean
}

/** Undefined when nothing was ever lost. */
export function readRecovery(reader: Reader): RecoveryRecord | undefined {
  const data = reader.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)?.data
  if (!data) return undefined
  return {
    epoch: Number(data['epoch'] ?? 0),
    loss: data['loss'] === 'rows' ? 'rows' : 'tail',
    isOpen: data['state'] === 'open',
  }
}

/** The note tells of an epoch that it did not tell of before. */
export const beginsRecovery = ({ object, previous }: Change<ConfigMap>): boolean =>
  object.metadata.namespace === RECOVERY_NAMESPACE &&
  object.metadata.name === RECOVERY_NAME &&
  object.data?.['epoch'] !== previous?.data?.['epoch']

/** More than these nobody reads in a line; the rest shows when they have joined. */
const STRANGERS_MAX = 20
const LOCKED_OUT_MAX = 100

/** A device whose certificate is ours and of which nothing is known: it joined in the part of the history that is lost. */
export function noteStranger(store: Store, node: string): void {
  const note = store.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)
  const known = (note?.data?.['strangers'] ?? '').split(', ').filter((name) => name !== '')
  if (note?.data?.['state'] !== 'open' || known.includes(node) || known.length >= STRANGERS_MAX) return
  const data = { ...note.data, strangers: [...known, node].join(', ') }
  store.transact((tx) => tx.put(CONFIG_MAP, { ...note, data }))
}

/** Devices that were removed after the backup was made: their nodes are back, and they stay out. */
export function noteLockedOut(store: Store, nodes: readonly string[]): void {
  const note = store.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)
  if (nodes.length === 0 || !note) return
  const data = { ...note.data, lockedOut: nodes.slice(0, LOCKED_OUT_MAX).join(', ') }
  store.transact((tx) => tx.put(CONFIG_MAP, { ...note, data }))
}

export interface NewRecovery extends Omit<RecoveryRecord, 'isOpen'> {
  /** lost: who was removed since the backup is let in again, until a person has looked. */
  revocationsAre: 'kept' | 'lost'
  uid: string
  wallMs: number
}

/** Also where the namespace has been lost with all the rest: whatever goes on must find the note. */
export function openRecovery(store: Store, { epoch, loss, revocationsAre, uid, wallMs }: NewRecovery): void {
  const before = store.get(CONFIG_MAP, RECOVERY_NAMESPACE, RECOVERY_NAME)
  const earlier = readRecovery(store)
  const revocationsWere = before?.data?.['revocations']
  // Looked at once for this loss is enough; never looked at for an earlier one is not.
  const revocations = earlier?.epoch === epoch || revocationsWere === 'lost' ? revocationsWere : revocationsAre
  const now = rfc3339(wallMs)
  const metadata = before?.metadata ?? {
    name: RECOVERY_NAME,
    namespace: RECOVERY_NAMESPACE,
    uid,
    resourceVersion: '',
    creationTimestamp: now,
  }
  const record: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    // What an earlier, worse loss has left open is not closed by a later one.
    data: {
      state: 'open',
      epoch: String(epoch),
      loss: earlier?.isOpen && earlier.loss === 'rows' ? 'rows' : loss,
      since: now,
      ...(revocations && { revocations }),
    },
  }
  store.transact((tx) => tx.put(CONFIG_MAP, record))
}
