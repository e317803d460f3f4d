// call.ts - one request for objects, as it is handed from the routing to the verbs
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { User } from './extension.ts'
import type { ResourcePath } from './paths.ts'
import type { WriteOptions } from './write-options.ts'

export interface ResourceRequest {
  at: ResourcePath
  user: User
  query: URLSearchParams
  request: IncomingMessage
  response: ServerResponse
}

export interface Call extends ResourceRequest {
  body: unknown
  options: WriteOptions
}
