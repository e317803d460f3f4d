// extension.ts - what plugs into the HTTP server: handlers of subresources and reviews, upgrades, and routes outside the API
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Kind, Verb } from '../../shared/kinds/kind.ts'
import type { Json, JsonObject } from '../../shared/kinds/object.ts'

export interface User {
  name: string
  uid?: string
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
  /** Ends streams when the credential does; monotonic milliseconds. */
  expiresAtMonoMs?: number
}

/** What is asked for, as an authorizer sees it. */
export interface Attributes {
  verb: Verb | 'impersonate' | (string & {})
  group: string
  version?: string
  resource: string
  subresource?: string
  namespace?: string
  name?: string
  /** Set instead of the resource for paths outside the API. */
  path?: string
}

export interface Access {
  /** Throws 401. Honours impersonation for those who may, throws 403 for the rest. */
  authenticate(request: IncomingMessage): Promise<User>
  /** Throws 403 in upstream's words. */
  authorize(user: User, attributes: Attributes): void
  isAllowed(user: User, attributes: Attributes): boolean
}

export interface ApiCall {
  kind: Kind
  namespace?: string
  name?: string
  subresource?: string
  query: URLSearchParams
  user: User
  request: IncomingMessage
  body?: JsonObject
  dryRun: boolean
  fieldManager: string
  /** Adds a `Warning: 299` header. */
  warn(message: string): void
}

/** Answers by returning the body, or by writing to the response itself and returning nothing. */
export type Handler = (call: ApiCall, response: ServerResponse) => Promise<Json | object | void> | Json | object | void
export type Upgrade = (call: ApiCall, socket: Duplex, head: Buffer) => void

/** A route outside /api and /apis. Each one names who may use it: the server refuses to start with one that does not. */
export interface PlainRoute {
  /** Exact path, or a prefix when it ends in "/". */
  path: string
  permission: 'anyone' | 'anyone authenticated' | 'node certificate' | 'own check'
  handle?(request: IncomingMessage, response: ServerResponse): Promise<void> | void
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface Extension {
  /** Keyed "group/plural/subresource", or "group/plural" for kinds that are computed or create-only. */
  handlers?: Readonly<Record<string, Handler>>
  upgrades?: Readonly<Record<string, Upgrade>>
  routes?: readonly PlainRoute[]
}
