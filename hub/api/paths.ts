// paths.ts - what a URL of the API names: a kind, and perhaps a namespace, a name and a subresource
import { badRequest } from '../../shared/kinds/status-error.ts'
import type { Kind } from '../../shared/kinds/kind.ts'

export interface ResourcePath {
  kind: Kind
  namespace?: string
  name?: string
  subresource?: string
}

export interface KindLookup {
  find(group: string, version: string, plural: string): Kind | undefined
}

/** Undefined when no such resource is served: a 404, to be said before the body is looked at. */
export function resourceAt(registry: KindLookup, path: string): ResourcePath | undefined {
  const [root, ...rest] = segments(path)
  if (root === 'api') return withoutGroup(registry, '', rest)
  const [group, ...afterGroup] = rest
  return root === 'apis' && group ? withoutGroup(registry, group, afterGroup) : undefined
}

/** Trailing and doubled slashes are tolerated, as upstream does. */
export function segments(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    throw badRequest('the path is not valid percent-encoding')
  }
}

/** Below /namespaces/<name>/ these are the namespace's own; everything else there is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

function withoutGroup(registry: KindLookup, group: string, [version, ...rest]: string[]): ResourcePath | undefined {
  if (!version) return undefined
  const inNamespace = rest[0] === 'namespaces' && rest.length >= 3 && !NAMESPACE_SUBRESOURCES.has(rest[2] ?? '')
  const [plural, name, subresource, ...more] = inNamespace ? rest.slice(2) : rest
  const kind = plural ? registry.find(group, version, plural) : undefined
  const namespace = inNamespace ? rest[1] : undefined
  if (!kind || more.length > 0 || (namespace !== undefined && !kind.namespaced)) return undefined
  // One object of a namespaced kind is always named with its namespace.
  if (kind.namespaced && name !== undefined && namespace === undefined) return undefined
  return {
    kind,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  }
}
