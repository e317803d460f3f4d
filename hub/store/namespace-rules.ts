// namespace-rules.ts - what is special about the objects that hold others: they go in two steps, and some never
import { resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { forbidden, notFound, StatusError } from '../../shared/kinds/status-error.ts'

/** In spec.finalizers while the namespace may still hold something; the namespace controller takes it away. */
export const NAMESPACE_FINALIZER = 'kubernetes'

/** As upstream: the hub itself relies on these. */
const NEVER_DELETED: readonly string[] = ['default', 'kube-system', 'kube-public']

export const isNamespaceKind = (kind: Kind): boolean => resourceName(kind) === 'namespaces'

export const finalizersOf = (namespace: KubeObject): readonly string[] => specOf(namespace).finalizers ?? []

/** A new one is Active and waits for its controller when it goes. */
export const asNewNamespace = (object: KubeObject): KubeObject => ({
  ...object,
  spec: { ...specOf(object), finalizers: [...new Set([...finalizersOf(object), NAMESPACE_FINALIZER])] },
  status: { phase: 'Active' },
})

/** Only the `finalize` subresource changes who holds a namespace. */
export const keepNamespaceFinalizers = (next: KubeObject, old: KubeObject): KubeObject => ({
  ...next,
  spec: { ...specOf(next), finalizers: finalizersOf(old) },
})

export const asTerminating = (object: KubeObject): KubeObject => ({
  ...object,
  status: { ...(isRecord(object.status) && object.status), phase: 'Terminating' },
})

export function checkNamespaceMayGo(kind: Kind, name: string): void {
  if (NEVER_DELETED.includes(name)) throw forbidden(kind, name, 'this namespace may not be deleted')
}

/** Throws unless new things may be made in it. */
export function checkNamespaceOpen(
  kind: Kind,
  name: string | undefined,
  namespaces: Kind,
  namespace: string,
  found?: KubeObject,
) {
  if (!found) throw notFound(namespaces, namespace)
  if (!found.metadata.deletionTimestamp) return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  const { code, reason, message, details } = forbidden(kind, name, why)
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  throw new StatusError(code, reason, message, { ...details, causes: [cause] })
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object'

function specOf(object: KubeObject): { finalizers?: readonly string[] } {
  const { spec } = object
  if (!isRecord(spec)) return {}
  const { finalizers } = spec
  return Array.isArray(finalizers) ? { ...spec, finalizers: finalizers.map(String) } : { ...spec }
}
