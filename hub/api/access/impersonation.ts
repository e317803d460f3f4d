// impersonation.ts - acting as somebody else: honoured for those who may, refused for the rest, never ignored
import type { IncomingMessage } from 'node:http'
import { badRequest } from '../../../shared/kinds/status-error.ts'
import type { Attributes, User } from '../extension.ts'
import { AUTHENTICATED } from './tokens.ts'
import { UNAUTHENTICATED } from './rules.ts'

export const ANONYMOUS = 'system:anonymous'
const EXTRA_PREFIX = 'impersonate-extra-'
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/

interface Asked {
  user: string
  uid: string | undefined
  groups: readonly string[]
  extra: Readonly<Record<string, readonly string[]>>
}

/** `authorize` throws 403; each thing that is taken on is asked for by itself, as upstream does. */
export function impersonated(request: IncomingMessage, caller: User, authorize: (asked: Attributes) => void): User {
  const asked = readHeaders(request)
  if (!asked) return caller
  for (const each of attributesOf(asked)) authorize(each)
  return {
    name: asked.user,
    groups: groupsOf(asked),
    extra: asked.extra,
    ...(asked.uid && { uid: asked.uid }),
    // The right to do this ends with the credential that gave it.
    ...(caller.expiresAtMonoMs !== undefined && { expiresAtMonoMs: caller.expiresAtMonoMs }),
  }
}

/** `headers` joins repeated ones with commas, which group names may hold; `headersDistinct` does not. */
function readHeaders({ headersDistinct }: IncomingMessage): Asked | undefined {
  const [user = ''] = headersDistinct['impersonate-user'] ?? []
  const [uid] = headersDistinct['impersonate-uid'] ?? []
  const groups = headersDistinct['impersonate-group'] ?? []
  const extra: Record<string, readonly string[]> = Object.create(null)
  for (const [name, values] of Object.entries(headersDistinct))
    if (name.startsWith(EXTRA_PREFIX)) extra[unescape(name.slice(EXTRA_PREFIX.length))] = values ?? []
  const asksMore = uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0
  if (user) return { user, uid, groups, extra }
  if (asksMore)
    throw badRequest('requested impersonation of a uid, groups or extra fields without impersonating a user')
  return undefined
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // as upstream: a key that is not escaped well is taken as it stands
  }
}

function attributesOf({ user, uid, groups, extra }: Asked): Attributes[] {
  const verb = 'impersonate'
  const [, namespace, account] = SERVICE_ACCOUNT.exec(user) ?? []
  const group = 'authentication.k8s.io'
  return [
    namespace && account
      ? { verb, group: '', resource: 'serviceaccounts', namespace, name: account }
      : { verb, group: '', resource: 'users', name: user },
    ...groups.map((name) => ({ verb, group: '', resource: 'groups', name })),
    ...(uid ? [{ verb, group, resource: 'uids', name: uid }] : []),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((name) => ({ verb, group, resource: 'userextras', subresource: key, name })),
    ),
  ]
}

function groupsOf({ user, groups }: Asked): string[] {
  if (user === ANONYMOUS) return [...groups, UNAUTHENTICATED]
  const [, namespace] = SERVICE_ACCOUNT.exec(user) ?? []
  const own = groups.length === 0 && namespace ? serviceAccountGroups(namespace) : groups
  return [...new Set([...own, AUTHENTICATED])]
}

export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
]
