// token-request.ts - serviceaccounts/token: what `kubectl create token` asks for
import * as v from 'valibot'
import { rfc3339, type Clock } from '../../../shared/clock.ts'
import type { ServiceAccount } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { SERVICE_ACCOUNT } from '../../../shared/kinds/service-account.ts'
import { badRequest, conflict, invalid, invalidValue, notFound } from '../../../shared/kinds/status-error.ts'
import type { Reader } from '../../store/store.ts'
import type { Handler } from '../extension.ts'
import { ISSUER, type IssueRequest, type ServiceAccountTokens } from '../access/service-account-tokens.ts'

const SECONDS_DEFAULT = 3600
/** As upstream: shorter ones would only be renewed all the time. */
const SECONDS_MIN = 600
/** A longer-lived secret is no token but a password; who asks for more gets this much. */
const SECONDS_MAX = 366 * 24 * 3600
const AUDIENCES_MAX = 16

const TOKEN_REQUEST = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' }

const tokenRequestBody = v.object({
  spec: v.nullish(
    v.object({
      audiences: v.nullish(v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.maxLength(AUDIENCES_MAX))),
      expirationSeconds: v.nullish(v.pipe(v.number(), v.integer())),
      boundObjectRef: v.nullish(
        v.object({ kind: v.nullish(v.string()), name: v.nullish(v.string()), uid: v.nullish(v.string()) }),
      ),
    }),
  ),
})
type Bound = NonNullable<NonNullable<v.InferOutput<typeof tokenRequestBody>['spec']>['boundObjectRef']>

export interface TokenRequestDeps {
  objects: Reader
  tokens: ServiceAccountTokens
  clock: Clock
}

export function createTokenRequestHandler({ objects, tokens, clock }: TokenRequestDeps): Handler {
  return ({ namespace = '', name = '', body }, response) => {
    const account = objects.get(SERVICE_ACCOUNT, namespace, name)
    if (!account) throw notFound(SERVICE_ACCOUNT, name)
    const parsed = v.safeParse(tokenRequestBody, body ?? {})
    if (!parsed.success)
      throw badRequest(`the body is no TokenRequest: ${parsed.issues.map((issue) => issue.message).join('; ')}`)
    const { audiences, expirationSeconds, boundObjectRef } = parsed.output.spec ?? {}
    const seconds = allowedSeconds(expirationSeconds ?? SECONDS_DEFAULT)
    const pod = boundObjectRef ? boundPod(boundObjectRef, account, objects) : undefined
    const granted: IssueRequest = {
      namespace,
      serviceAccount: { name, uid: account.metadata.uid },
      audiences: audiences?.length ? audiences : [ISSUER],
      expirationSeconds: seconds,
      ...(pod && { pod }),
    }
    const { token, expiresAtWallMs } = tokens.issue(granted)
    response.statusCode = 201
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: rfc3339(clock.wallMs()) },
      spec: { audiences: granted.audiences, expirationSeconds: seconds, boundObjectRef: boundObjectRef ?? null },
      status: { token, expirationTimestamp: rfc3339(expiresAtWallMs) },
    }
  }
}

function allowedSeconds(asked: number): number {
  if (asked < SECONDS_MIN)
    throw invalid(TOKEN_REQUEST, '', [
      invalidValue('spec.expirationSeconds', asked, 'may not specify a duration less than 10 minutes'),
    ])
  return Math.min(asked, SECONDS_MAX)
}

function boundPod({ kind, name = '', uid }: Bound, { metadata }: ServiceAccount, objects: Reader) {
  if (kind !== 'Pod' || !name)
    throw badRequest(`cannot bind token to object of type ${JSON.stringify(kind ?? '')}: only a Pod, by name`)
  const pod = objects.get(POD, metadata.namespace, name)
  if (!pod) throw notFound(POD, name)
  if (uid && uid !== pod.metadata.uid)
    throw conflict(
      POD,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record (${pod.metadata.uid})`,
    )
  if (pod.spec.serviceAccountName !== metadata.name)
    throw badRequest(
      `cannot bind token for serviceaccount "${metadata.name}" to pod running with different serviceaccount name`,
    )
  return { name, uid: pod.metadata.uid }
}
