// create-access.ts - who asks, and may they: tokens, service accounts, device certificates, impersonation, rules
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../../shared/clock.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { SERVICE_ACCOUNT } from '../../../shared/kinds/service-account.ts'
import { tooManyRequests } from '../../../shared/kinds/status-error.ts'
import type { Reader } from '../../store/store.ts'
import type { Access, Attributes, User } from '../extension.ts'
import { urlOf } from '../request-url.ts'
import { bearerTokenOf } from './bearer.ts'
import { createFailures } from './failures.ts'
import { forbiddenTo, unauthorized } from './forbidden.ts'
import { ANONYMOUS, impersonated, serviceAccountGroups } from './impersonation.ts'
import { isAllowed, UNAUTHENTICATED } from './rules.ts'
import type { Claims, ServiceAccountTokens } from './service-account-tokens.ts'
import { AUTHENTICATED, findToken, type TokenRecord } from './tokens.ts'

export const NODES = 'system:nodes'

export interface AccessDeps {
  objects: Reader
  /** Read at each request: tokens may be added and revoked while the hub runs. */
  tokens: () => readonly TokenRecord[]
  serviceAccountTokens: ServiceAccountTokens
  /** The node that the connection's verified and unrevoked client certificate names. */
  identifyNode: (request: IncomingMessage) => string | undefined
  clock: Clock
}

export interface TokenAccess extends Access {
  /** For TokenReview: whose token this is, good for one of these audiences. */
  userOfToken(token: string, audiences?: readonly string[]): User | undefined
}

export function createAccess(deps: AccessDeps): TokenAccess {
  const { objects, tokens, serviceAccountTokens, identifyNode, clock } = deps
  const failures = createFailures(clock)

  function userOfToken(token: string, audiences?: readonly string[]): User | undefined {
    const record = findToken(token, tokens())
    if (record) return { name: record.user, uid: record.uid, groups: [...record.groups, AUTHENTICATED] }
    const claims = serviceAccountTokens.verify(token, audiences)
    return claims && isAlive(claims) ? userOfClaims(claims) : undefined
  }

  /** A token dies with its account, and with the pod it was made for: another of the same name is another. */
  function isAlive({ 'kubernetes.io': { namespace, serviceaccount, pod } }: Claims): boolean {
    const account = objects.get(SERVICE_ACCOUNT, namespace, serviceaccount.name)
    if (account?.metadata.uid !== serviceaccount.uid || account.metadata.deletionTimestamp) return false
    return !pod || objects.get(POD, namespace, pod.name)?.metadata.uid === pod.uid
  }

  function userOfClaims({ sub, jti, exp, 'kubernetes.io': { namespace, serviceaccount, pod } }: Claims): User {
    return {
      name: sub,
      uid: serviceaccount.uid,
      groups: [...serviceAccountGroups(namespace), AUTHENTICATED],
      extra: {
        'authentication.kubernetes.io/credential-id': [`JTI=${jti}`],
        ...(pod && {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        }),
      },
      expiresAtMonoMs: clock.monoMs() + exp * 1000 - clock.wallMs(),
    }
  }

  /**
   * A good token always passes, also from an address that others fail from: 256 bits are not guessed, and a broken
   * script must not lock out the operator beside it.
   */
  function userOfRequest(request: IncomingMessage): User | undefined {
    const token = bearerTokenOf(request)
    if (token === undefined) return nodeUser(request)
    const user = userOfToken(token)
    if (user) return user
    if (failures.add(request.socket.remoteAddress ?? 'unknown'))
      throw tooManyRequests('too many requests with wrong credentials came from this address: wait', 1)
    throw unauthorized()
  }

  function nodeUser(request: IncomingMessage): User | undefined {
    const node = identifyNode(request)
    return node === undefined ? undefined : { name: `system:node:${node}`, groups: [NODES, AUTHENTICATED] }
  }

  function authorize(user: User, asked: Attributes): void {
    if (!isAllowed(user, asked)) throw forbiddenTo(user, asked)
  }

  return {
    async authenticate(request) {
      const caller = userOfRequest(request) ?? anonymousIfOpen(request)
      return impersonated(request, caller, (asked) => authorize(caller, asked))
    },
    authorize,
    isAllowed,
    userOfToken,
  }
}

const ANONYMOUS_USER: User = { name: ANONYMOUS, groups: [UNAUTHENTICATED] }

/** Without credentials only what everybody may see is answered; all else is 401, which says "log in", not 403. */
function anonymousIfOpen(request: IncomingMessage): User {
  // As the router sees it: "/healthz/../x" is "/x".
  const { pathname: path } = urlOf(request)
  if (isAllowed(ANONYMOUS_USER, { verb: 'get', group: '', resource: '', path })) return ANONYMOUS_USER
  throw unauthorized()
}
