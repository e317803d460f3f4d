// plain-routes.ts - the routes outside the API, each with a word on who may use it
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Access, PlainRoute } from './extension.ts'

const PERMISSIONS: readonly string[] = [
  'anyone',
  'anyone authenticated',
  'node certificate',
  'own check',
] satisfies PlainRoute['permission'][]

export interface PlainRoutes {
  /** Exact paths before prefixes, longer prefixes before shorter ones. */
  find(path: string): PlainRoute | undefined
  /** Throws 401 unless the route's permission is satisfied. */
  admit(route: PlainRoute, request: IncomingMessage): Promise<void>
}

/** Throws when a route does not say who may use it: the server must not start with a door that nobody thought about. */
export function createPlainRoutes(routes: readonly PlainRoute[], access: Access): PlainRoutes {
  const seen = new Set<string>()
  for (const { path, permission } of routes) {
    if (!PERMISSIONS.includes(permission)) throw new Error(`the route ${path} names no permission`)
    if (!path.startsWith('/') || isApiPath(path)) throw new Error(`the route ${path} is not outside the API`)
    if (seen.has(path)) throw new Error(`two routes want ${path}`)
    seen.add(path)
  }
  const exact = new Map(routes.map((route) => [route.path, route]))
  const prefixes = routes
    .filter(({ path }) => path.endsWith('/') && path !== '/')
    .toSorted((a, b) => b.path.length - a.path.length)
  return {
    find: (path) => exact.get(path) ?? prefixes.find((route) => path.startsWith(route.path)),
    async admit({ permission }, request) {
      if (permission === 'anyone authenticated') await access.authenticate(request)
      if (permission === 'node certificate' && !hasVerifiedCertificate(request))
        throw new StatusError(401, 'Unauthorized', 'a certificate of this hub is needed here')
    },
  }
}

const isApiPath = (path: string): boolean => /^\/(api|apis|openapi)(\/|$)/.test(path)

/** Signed by our own CA; whether it has been revoked since is for the route to look up. */
const hasVerifiedCertificate = ({ socket }: IncomingMessage): boolean =>
  socket instanceof TLSSocket && socket.authorized
