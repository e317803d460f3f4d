// object-delete.ts - decides how an object goes: at once, or marked and held by finalizers, by its agent, by its content
import { rfc3339 } from '../../shared/clock.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, Meta, Pod } from '../../shared/kinds/object.ts'
import { conflict } from '../../shared/kinds/status-error.ts'
import { asTerminating, checkNamespaceMayGo, isNamespaceKind } from './namespace-rules.ts'
import { isGone } from './object-update.ts'
import type { DeleteOptions } from './write-options.ts'
import { sameJson } from './same-json.ts'

export type Deletion =
  | { do: 'remove'; object: KubeObject }
  | { do: 'mark'; object: KubeObject }
  | { do: 'nothing'; object: KubeObject }

export const ORPHAN = 'orphan'
export const FOREGROUND = 'foregroundDeletion'
const GRACE_SECONDS_DEFAULT = 30
/** 68 years: who writes more means "never", and that deadline must still be one that clients can read. */
const GRACE_SECONDS_MAX = 2 ** 31 - 1

export function deletionOf(kind: Kind, old: KubeObject, options: DeleteOptions, wallMs: number): Deletion {
  checkPreconditions(kind, old.metadata, options)
  if (isNamespaceKind(kind)) checkNamespaceMayGo(kind, old.metadata.name)
  const object = marked(kind, old, options, wallMs)
  if (isGone(kind, object)) return { do: 'remove', object }
  if (sameJson(object, old)) return { do: 'nothing', object: old }
  return { do: 'mark', object }
}

function checkPreconditions(kind: Kind, meta: Meta, { preconditions }: DeleteOptions) {
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid && uid !== meta.uid) {
    throw conflict(kind, meta.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${meta.uid}`)
  }
  if (resourceVersion && resourceVersion !== meta.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${meta.resourceVersion}). The object might have been modified`
    throw conflict(kind, meta.name, why)
  }
}

function marked(kind: Kind, old: KubeObject, options: DeleteOptions, wallMs: number): KubeObject {
  const { finalizers: earlier = [], ...kept } = old.metadata
  const finalizers = finalizersFor(earlier, options)
  const meta: Meta = {
    ...kept,
    ...(finalizers.length > 0 && { finalizers }),
    ...deadline(kind, old, options, wallMs),
    ...(!old.metadata.deletionTimestamp &&
      old.metadata.generation !== undefined && { generation: old.metadata.generation + 1 }),
  }
  const object = { ...old, metadata: meta }
  return isNamespaceKind(kind) ? asTerminating(object) : object
}

function finalizersFor(finalizers: readonly string[], { propagationPolicy }: DeleteOptions): readonly string[] {
  if (!propagationPolicy) return finalizers
  const others = finalizers.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND)
  switch (propagationPolicy) {
    case 'Background':
      return others
    case 'Foreground':
      return [...others, FOREGROUND]
    case 'Orphan':
      return [...others, ORPHAN]
  }
}

/** A second request can only shorten what is left of the first. */
function deadline(kind: Kind, old: KubeObject, options: DeleteOptions, wallMs: number) {
  const { deletionTimestamp, deletionGracePeriodSeconds: earlierSeconds = 0 } = old.metadata
  const graceSeconds = kind.stopsGracefully ? graceSecondsOf(old, options) : 0
  if (!deletionTimestamp) {
    return { deletionTimestamp: rfc3339(wallMs + graceSeconds * 1000), deletionGracePeriodSeconds: graceSeconds }
  }
  if (graceSeconds >= earlierSeconds) return { deletionTimestamp }
  const askedMs = Date.parse(deletionTimestamp) - earlierSeconds * 1000
  return { deletionTimestamp: rfc3339(askedMs + graceSeconds * 1000), deletionGracePeriodSeconds: graceSeconds }
}

/** No agent has it, or its containers have ended: nobody would use the time. */
function graceSecondsOf(object: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  // Only rows with `stopsGracefully` come here, and those are pods.
  const { spec, status } = object as Pod
  if (!spec.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0
  const seconds = gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? GRACE_SECONDS_DEFAULT
  // Upstream reads a negative grace as "as short as can be done in order".
  return seconds < 0 ? 1 : Math.min(seconds, GRACE_SECONDS_MAX)
}
