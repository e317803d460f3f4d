// rules.ts - who may do what: rules per group as RBAC writes them, with exceptions, which RBAC lacks
import type { Attributes, User } from '../extension.ts'
import { AUTHENTICATED, MASTERS, VIEWERS } from './tokens.ts'

export interface ResourceRule {
  verbs: readonly string[]
  apiGroups: readonly string[]
  /** "pods", "pods/log", "*" (everything, parts too). */
  resources: readonly string[]
  /** Taken out of `resources`: "secrets", and "pods/exec" or, for all kinds, the part alone as in "*" + "/proxy". */
  except?: readonly string[]
}

export interface PathRule {
  verbs: readonly string[]
  /** Exact, or all below when it ends in "*". */
  paths: readonly string[]
}

export interface Rules {
  resources: readonly ResourceRule[]
  paths: readonly PathRule[]
}

export const UNAUTHENTICATED = 'system:unauthenticated'

const READ = ['get', 'list', 'watch'] as const
/** What anybody may know: that we live, and which version. As upstream's system:public-info-viewer. */
const PUBLIC_PATHS = ['/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*', '/version', '/version/']
/** What every client reads before it does anything. As upstream's system:discovery. */
const DISCOVERY_PATHS = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']

const RULES_OF_GROUP: Readonly<Record<string, Rules>> = {
  [MASTERS]: {
    resources: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    paths: [{ verbs: ['*'], paths: ['*'] }],
  },
  [VIEWERS]: {
    resources: [
      {
        verbs: READ,
        apiGroups: ['*'],
        resources: ['*'],
        except: ['secrets', '*/exec', '*/attach', '*/portforward', '*/proxy', 'serviceaccounts/token'],
      },
    ],
    paths: [{ verbs: ['get', 'head'], paths: ['*'] }],
  },
  [AUTHENTICATED]: {
    // As upstream's system:basic-user: everyone may ask what they may do.
    resources: [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ],
    paths: [{ verbs: ['get', 'head'], paths: [...PUBLIC_PATHS, ...DISCOVERY_PATHS] }],
  },
  [UNAUTHENTICATED]: { resources: [], paths: [{ verbs: ['get', 'head'], paths: PUBLIC_PATHS }] },
}

const NOTHING: Rules = { resources: [], paths: [] }

export function rulesOf(user: Pick<User, 'groups'>): Rules {
  const all = user.groups.map(
    (group) => (Object.hasOwn(RULES_OF_GROUP, group) ? RULES_OF_GROUP[group] : NOTHING) ?? NOTHING,
  )
  return { resources: all.flatMap((rules) => rules.resources), paths: all.flatMap((rules) => rules.paths) }
}

export function isAllowed(user: Pick<User, 'groups'>, asked: Attributes): boolean {
  const rules = rulesOf(user)
  const { path } = asked
  if (path !== undefined)
    return rules.paths.some(
      (rule) => has(rule.verbs, asked.verb) && rule.paths.some((allowed) => coversPath(allowed, path)),
    )
  return rules.resources.some(
    (rule) => has(rule.verbs, asked.verb) && has(rule.apiGroups, asked.group) && coversResource(rule, asked),
  )
}

const has = (list: readonly string[], word: string): boolean => list.includes('*') || list.includes(word)

const coversPath = (allowed: string, path: string): boolean =>
  allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : allowed === path

export function coversResource(
  { resources, except = [] }: ResourceRule,
  { resource, subresource }: Pick<Attributes, 'resource' | 'subresource'>,
): boolean {
  const whole = subresource ? `${resource}/${subresource}` : resource
  // An exception for a kind holds for its parts too: secrets/status would be a secret all the same.
  const names = subresource ? [whole, `*/${subresource}`, resource] : [whole]
  if (names.some((name) => except.includes(name))) return false
  return resources.includes('*') || resources.includes(whole)
}
