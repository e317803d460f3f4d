// discovery.ts - tells clients which kinds are served: aggregated (apidiscovery.k8s.io) and one document a group version
import { apiVersionOf, type Kind, type Subresource } from '../../shared/kinds/kind.ts'
import { noSuchPath } from '../../shared/kinds/status-error.ts'
import { parseMediaRange } from './negotiate.ts'

/** "v2" before "v1" before "v1beta1", as clients prefer them. */
function rank(version: string): number {
  const [, major = '0', stage, minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? []
  const stable = stage === undefined ? 1_000_000 : stage === 'beta' ? 500_000 : 0
  return stable + Number(major) * 1_000 + Number(minor)
}

/** Groups in the order in which their kinds were added: among groups with the same plural the first is preferred. */
export function groupsOf(kinds: readonly Kind[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, Set<string>>()
  for (const { group, version } of kinds) {
    const versions = groups.get(group) ?? new Set()
    groups.set(group, versions.add(version))
  }
  return new Map([...groups].map(([group, versions]) => [group, [...versions].toSorted((a, b) => rank(b) - rank(a))]))
}

export const apiVersions = (serverAddress: string) => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
})

function groupBody(name: string, versions: readonly string[]) {
  const listed = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: listed, preferredVersion: listed[0] }
}

export function apiGroup(kinds: readonly Kind[], name: string) {
  const versions = groupsOf(kinds).get(name)
  if (!name || !versions) throw noSuchPath()
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(name, versions) }
}

export const apiGroupList = (kinds: readonly Kind[]) => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: [...groupsOf(kinds)].filter(([group]) => group).map(([group, versions]) => groupBody(group, versions)),
})

export function apiResourceList(kinds: readonly Kind[], group: string, version: string) {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version)
  const [first] = served
  if (!first) throw noSuchPath()
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(first),
    resources: served.flatMap((kind) => [
      { name: kind.plural, singularName: kind.singular, ...placeOf(kind), verbs: kind.verbs, ...namesOf(kind) },
      ...Object.entries(kind.subresources).map(([name, part]) => ({
        name: `${kind.plural}/${name}`,
        singularName: '',
        namespaced: kind.namespaced,
        kind: part.kind,
        verbs: part.verbs,
        ...(part.version && { group: part.group ?? '', version: part.version }),
      })),
    ]),
  }
}

const placeOf = (kind: Kind) => ({ namespaced: kind.namespaced, kind: kind.kind })
const namesOf = ({ shortNames, categories }: Kind) => ({
  ...(shortNames.length > 0 && { shortNames }),
  ...(categories.length > 0 && { categories }),
})

/** The version of aggregated discovery that a client asks for first, if it asks for it at all. */
export function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const range of (accept ?? '').split(',').map(parseMediaRange)) {
    const { type, parameters } = range
    const version = parameters.get('v')
    const isAsked = parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io'
    if (type === 'application/json' && isAsked && (version === 'v2' || version === 'v2beta1')) return version
  }
  return undefined
}

/** Without it clients take the answer for the plain document, and find no kinds at all. */
export const aggregatedContentType = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`

/** /api answers the core group, /apis the others. */
export function aggregated(kinds: readonly Kind[], isCore: boolean, version: string) {
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === isCore)
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: { ...(group && { name: group }), creationTimestamp: null },
      versions: versions.map((one) => ({
        version: one,
        freshness: 'Current',
        resources: kinds.filter((kind) => kind.group === group && kind.version === one).map(aggregatedResource),
      })),
    })),
  }
}

const aggregatedResource = (kind: Kind) => ({
  resource: kind.plural,
  responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
  scope: kind.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: kind.singular,
  verbs: kind.verbs,
  ...namesOf(kind),
  subresources: Object.entries(kind.subresources).map(([subresource, part]) => ({
    subresource,
    responseKind: responseKind(kind, part),
    verbs: part.verbs,
  })),
})

const responseKind = (kind: Kind, part: Subresource) =>
  part.version
    ? { group: part.group ?? '', version: part.version, kind: part.kind }
    : { group: kind.group, version: kind.version, kind: part.kind }
