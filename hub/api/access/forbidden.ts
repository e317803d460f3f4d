// forbidden.ts - refusals in upstream's exact words: clients and people read these sentences
import { StatusError } from '../../../shared/kinds/status-error.ts'
import type { Attributes, User } from '../extension.ts'

export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized')

export function forbiddenTo(user: Pick<User, 'name'>, asked: Attributes): StatusError {
  const who = `User ${JSON.stringify(user.name)} cannot`
  if (asked.path !== undefined) {
    const text = `forbidden: ${who} ${asked.verb} path ${JSON.stringify(asked.path)}`
    return new StatusError(403, 'Forbidden', text, {})
  }
  const { group, resource, subresource, name } = asked
  const what = subresource ? `${resource}/${subresource}` : resource
  const where = asked.namespace ? `in the namespace ${JSON.stringify(asked.namespace)}` : 'at the cluster scope'
  const object = `${group ? `${resource}.${group}` : resource}${name ? ` ${JSON.stringify(name)}` : ''}`
  const text = `${object} is forbidden: ${who} ${asked.verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`
  return new StatusError(403, 'Forbidden', text, { ...(name && { name }), ...(group && { group }), kind: resource })
}
