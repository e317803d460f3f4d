// list-options.ts - which revision a list or watch is asked for, by upstream's rules
import { badRequest, forbiddenField, invalid, unsupportedValue, type Cause } from '../../shared/kinds/status-error.ts'
import { parseContinue, type Continue } from './continue-token.ts'
import { count, flag, revision } from './query.ts'

export type ListFrom =
  | { from: 'now' }
  /** Whatever we hold, if it is not older than this. */
  | { from: 'not older than'; revision: number }
  | { from: 'exactly'; revision: number }
  | { from: 'page'; page: Continue }

export interface ListOptions {
  limit: number | undefined
  at: ListFrom
}

const LIST_OPTIONS = { group: 'meta.k8s.io', plural: '', kind: 'ListOptions' }
const refuse = (cause: Cause) => invalid(LIST_OPTIONS, '', [cause])
const forbiddenMatch = (why: string) => refuse(forbiddenField('resourceVersionMatch', `resourceVersionMatch ${why}`))

export function listOptions(query: URLSearchParams): ListOptions {
  const limit = count(query, 'limit') || undefined
  const asked = revision(query)
  const match = query.get('resourceVersionMatch') ?? ''
  const token = query.get('continue')
  if (query.has('sendInitialEvents'))
    throw refuse(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  if (!['', 'Exact', 'NotOlderThan'].includes(match))
    throw refuse(unsupportedValue('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']))
  if (match && asked === undefined) throw forbiddenMatch('is forbidden unless resourceVersion is provided')
  if (token) {
    if (match) throw forbiddenMatch('is forbidden when continue is provided')
    if (asked) throw badRequest('specifying resource version is not allowed when using continue')
    return { limit, at: { from: 'page', page: parseContinue(token) } }
  }
  if (match === 'Exact' && asked === 0) throw forbiddenMatch('"exact" is forbidden for resourceVersion "0"')
  if (!asked) return { limit, at: { from: 'now' } }
  // A limit without a match has always meant that very revision.
  const isExact = match === 'Exact' || (match === '' && limit !== undefined)
  return { limit, at: { from: isExact ? 'exactly' : 'not older than', revision: asked } }
}

export interface WatchOptions {
  /** Undefined: begin with what is there now. */
  since: number | undefined
  /** False when the client wants no synthetic ADDED events. */
  sendsState: boolean
  /** WatchList: a bookmark marks the end of the state. */
  marksEndOfState: boolean
  bookmarks: boolean
  timeoutSeconds: number | undefined
}

export function watchOptions(query: URLSearchParams): WatchOptions {
  const asked = revision(query)
  const match = query.get('resourceVersionMatch') ?? ''
  const initial = query.has('sendInitialEvents')
  if (match && !initial) throw forbiddenMatch('is forbidden for watch unless sendInitialEvents is provided')
  if (initial && match !== 'NotOlderThan')
    throw refuse(
      forbiddenField('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    )
  const marksEndOfState = flag(query, 'sendInitialEvents')
  const bookmarks = flag(query, 'allowWatchBookmarks')
  if (marksEndOfState && !bookmarks)
    throw refuse(forbiddenField('sendInitialEvents', 'sendInitialEvents requires allowWatchBookmarks'))
  return {
    since: marksEndOfState ? undefined : asked || undefined,
    sendsState: marksEndOfState || !initial,
    marksEndOfState,
    bookmarks,
    timeoutSeconds: count(query, 'timeoutSeconds') || undefined,
  }
}
