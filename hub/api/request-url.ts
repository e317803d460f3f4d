// request-url.ts - the URL of a request, in the one form that routes and permissions look at
import type { IncomingMessage } from 'node:http'

/** The host is ours whatever the client calls it; a path that is no URL is answered as a bad one. */
export function urlOf(request: Pick<IncomingMessage, 'url'>): URL {
  // "//x" would be read as a host.
  const text = (request.url ?? '/').replace(/^\/+/, '/')
  return URL.canParse(text, 'https://hub') ? new URL(text, 'https://hub') : new URL('/%', 'https://hub')
}
