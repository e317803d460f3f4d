// reviews.ts - "may I?", "may they?", "who am I?", "whose token is this?": questions posted as objects, answered as status
import * as v from 'valibot'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { JsonObject } from '../../../shared/kinds/object.ts'
import { isJsonObject } from '../../../shared/kinds/schema-walk.ts'
import { badRequest } from '../../../shared/kinds/status-error.ts'
import type { TokenAccess } from '../access/create-access.ts'
import { rulesReview } from '../access/rules-review.ts'
import type { ApiCall, Attributes, Handler, User } from '../extension.ts'

const optional = v.nullish(v.string())
const resourceAttributes = v.object({
  verb: optional,
  group: optional,
  version: optional,
  resource: optional,
  subresource: optional,
  namespace: optional,
  name: optional,
})
const accessSpec = v.object({
  resourceAttributes: v.nullish(resourceAttributes),
  nonResourceAttributes: v.nullish(v.object({ path: optional, verb: optional })),
})
const subjectSpec = v.object({
  ...accessSpec.entries,
  user: optional,
  uid: optional,
  groups: v.nullish(v.array(v.string())),
})
const rulesSpec = v.object({ namespace: optional })
const tokenSpec = v.object({ token: v.string(), audiences: v.nullish(v.array(v.string())) })

export interface ReviewsDeps {
  access: TokenAccess
  kinds: () => readonly Kind[]
}

export function createReviews({ access, kinds }: ReviewsDeps): Record<string, Handler> {
  const verdict = (user: User, asked: Attributes) =>
    access.isAllowed(user, asked) ? { allowed: true, reason: `allowed to ${user.name}` } : { allowed: false }

  const subjectReview = review(subjectSpec, (spec) => {
    if (!spec.user && !spec.groups?.length) throw badRequest('spec.user or spec.groups must be given')
    return verdict({ name: spec.user ?? '', groups: spec.groups ?? [] }, attributesOf(spec))
  })
  return {
    'authorization.k8s.io/selfsubjectaccessreviews': review(accessSpec, (spec, { user }) =>
      verdict(user, attributesOf(spec)),
    ),
    'authorization.k8s.io/subjectaccessreviews': subjectReview,
    'authorization.k8s.io/localsubjectaccessreviews': subjectReview,
    'authorization.k8s.io/selfsubjectrulesreviews': review(rulesSpec, (spec, { user }) => {
      if (!spec.namespace) throw badRequest('no namespace on request')
      return rulesReview(user, kinds())
    }),
    'authentication.k8s.io/selfsubjectreviews': review(v.unknown(), (_spec, { user }) => ({
      userInfo: userInfo(user),
    })),
    'authentication.k8s.io/tokenreviews': review(tokenSpec, ({ token, audiences }) => {
      const asked = audiences?.length ? audiences : undefined
      const user = access.userOfToken(token, asked)
      if (!user) return { authenticated: false, error: 'the token is unknown, has expired or is for another audience' }
      return { authenticated: true, user: userInfo(user), ...(asked && { audiences: asked }) }
    }),
  }
}

/** Answers with what was asked and the status beside it; nothing is stored. */
function review<T>(schema: v.GenericSchema<unknown, T>, decide: (spec: T, call: ApiCall) => object): Handler {
  return (call, response) => {
    const body = call.body ?? {}
    const parsed = v.safeParse(schema, body['spec'] ?? {})
    if (!parsed.success) throw badRequest(`spec: ${parsed.issues.map((issue) => issue.message).join('; ')}`)
    const status = decide(parsed.output, call)
    response.statusCode = 201
    return { ...head(body), ...(call.kind.plural !== 'selfsubjectreviews' && { spec: body['spec'] ?? {} }), status }
  }
}

const head = ({ kind = '', apiVersion = '', metadata }: JsonObject) => ({
  kind,
  apiVersion,
  metadata: { ...(isJsonObject(metadata) ? metadata : {}), creationTimestamp: null },
})

function attributesOf({
  resourceAttributes: asked,
  nonResourceAttributes: path,
}: v.InferOutput<typeof accessSpec>): Attributes {
  if (asked && path) throw badRequest('only one of resourceAttributes and nonResourceAttributes may be given')
  if (path) return { verb: path.verb ?? '', group: '', resource: '', path: path.path ?? '' }
  if (!asked) throw badRequest('exactly one of resourceAttributes and nonResourceAttributes must be given')
  return {
    verb: asked.verb ?? '',
    group: asked.group ?? '',
    resource: asked.resource ?? '',
    ...(asked.subresource && { subresource: asked.subresource }),
    ...(asked.namespace && { namespace: asked.namespace }),
    ...(asked.name && { name: asked.name }),
  }
}

const userInfo = ({ name, uid, groups, extra }: User) => ({
  username: name,
  ...(uid && { uid }),
  groups: [...groups],
  ...(extra && Object.keys(extra).length > 0 && { extra }),
})
