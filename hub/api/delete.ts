// delete.ts - delete and deletecollection: what the client asks for, and what it is answered
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { isJsonObject } from '../../shared/kinds/schema-walk.ts'
import { badRequest, invalid, StatusError, unsupportedValue } from '../../shared/kinds/status-error.ts'
import type { DeleteOptions, Objects } from '../store/objects.ts'
import { flag } from './query.ts'
import { isDryRun } from './write-options.ts'

const POLICIES = ['Background', 'Foreground', 'Orphan'] as const

/** Clients send them as the body, or as query parameters, or both; the body wins. */
export function deleteOptions(query: URLSearchParams, body: unknown): DeleteOptions {
  if (body !== undefined && !isJsonObject(body)) throw badRequest('error decoding: DeleteOptions must be an object')
  const { dryRun, gracePeriodSeconds, orphanDependents, preconditions, propagationPolicy } = body ?? {}
  const orphans = orphanDependents ?? (query.has('orphanDependents') ? flag(query, 'orphanDependents') : undefined)
  const policy = propagationPolicy ?? query.get('propagationPolicy') ?? orphanPolicy(orphans)
  const grace = gracePeriodSeconds ?? query.get('gracePeriodSeconds')
  return {
    dryRun: isDryRun(query) || (Array.isArray(dryRun) && dryRun.includes('All')),
    ...(grace != null && grace !== '' && { gracePeriodSeconds: wholeSeconds(grace) }),
    ...(policy && { propagationPolicy: policyOf(policy) }),
    ...(isJsonObject(preconditions) && { preconditions: preconditionsOf(preconditions) }),
  }
}

const orphanPolicy = (orphans: unknown) =>
  typeof orphans === 'boolean' ? (orphans ? 'Orphan' : 'Background') : undefined

function wholeSeconds(value: unknown): number {
  const seconds = Number(value)
  if (!Number.isInteger(seconds)) throw badRequest(`error decoding: gracePeriodSeconds must be a whole number`)
  return seconds
}

function policyOf(value: unknown): (typeof POLICIES)[number] {
  const policy = POLICIES.find((one) => one === value)
  if (policy) return policy
  const kind = { group: 'meta.k8s.io', plural: '', kind: 'DeleteOptions' }
  throw invalid(kind, '', [unsupportedValue('propagationPolicy', value, POLICIES)])
}

const preconditionsOf = ({ uid, resourceVersion }: { uid?: unknown; resourceVersion?: unknown }) => ({
  ...(typeof uid === 'string' && { uid }),
  ...(typeof resourceVersion === 'string' && { resourceVersion }),
})

/** While something holds it, the object itself; when it is gone a Status with its uid, which `kubectl delete --wait` needs. */
export function deletionAnswer(kind: Kind, { object, gone }: { object: KubeObject; gone: boolean }): object {
  if (!gone || kind.stopsGracefully) return object
  const { name, uid } = object.metadata
  const details = { name, ...(kind.group && { group: kind.group }), kind: kind.plural, uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

/** Each by itself, as upstream: what went in between is no error, and the first real error ends it. */
export function deleteEach(objects: Objects, kind: Kind, items: readonly KubeObject[], options: DeleteOptions): void {
  for (const { metadata } of items) {
    try {
      objects.delete(kind, metadata.namespace, metadata.name, options)
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== 404) throw error
    }
  }
}
