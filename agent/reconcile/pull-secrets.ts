// pull-secrets.ts - finds the credentials for an image's registry in the pod's imagePullSecrets; pure
import * as v from 'valibot'
import type { Pod } from '../../shared/kinds/object.ts'
import type { ConfigSource } from './config-source.ts'
import { namespaceOf } from './pod-shape.ts'

export interface Credentials {
  username: string
  password: string
  server: string
}

const auth = v.object({
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  auth: v.optional(v.string()),
})
const auths = v.record(v.string(), auth)
const dockerConfig = v.object({ auths })

const DOCKER_HUB = 'index.docker.io'

/** The best match comes first; a secret that is missing or makes no sense is passed over, as upstream does. */
export function credentialsFor(image: string, pod: Pod, config: ConfigSource): Credentials[] {
  const found = (pod.spec.imagePullSecrets ?? []).flatMap(({ name = '' }) => {
    const entries = config.entries('Secret', namespaceOf(pod), name)
    return entries ? parseSecret(entries) : []
  })
  return found
    .filter(({ server }) => matches(image, server))
    .toSorted((a, b) => pathOf(b.server).length - pathOf(a.server).length)
}

function parseSecret(entries: ReadonlyMap<string, Buffer>): Credentials[] {
  const config = v.safeParse(dockerConfig, parseJson(entries.get('.dockerconfigjson')))
  if (config.success) return fromAuths(config.output.auths)
  const old = v.safeParse(auths, parseJson(entries.get('.dockercfg')))
  return old.success ? fromAuths(old.output) : []
}

const fromAuths = (all: v.InferOutput<typeof auths>): Credentials[] =>
  Object.entries(all).flatMap(([server, entry]) => {
    const [username, password] = entry.auth ? splitAuth(entry.auth) : [entry.username, entry.password]
    return username === undefined || password === undefined ? [] : { server, username, password }
  })

/** base64 of "user:password"; the password may hold colons. */
function splitAuth(encoded: string): [string?, string?] {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)]
}

/** "nginx" -> index.docker.io/library/nginx; "localhost:5000/a/b:1" stays. Tag and digest do not matter here. */
function repositoryOf(image: string): { host: string; path: string } {
  const name = image.replace(/@.*$/, '').replace(/:[^/:]+$/, '')
  const [first = '', ...rest] = name.split('/')
  const hasHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost')
  if (!hasHost) return { host: DOCKER_HUB, path: rest.length > 0 ? name : `library/${name}` }
  return { host: hubName(first), path: rest.join('/') }
}

const hubName = (host: string) => (host === 'docker.io' || host === 'registry-1.docker.io' ? DOCKER_HUB : host)
const withoutScheme = (server: string) => server.replace(/^https?:\/\//, '')
const hostOf = (server: string) => hubName(withoutScheme(server).split('/')[0] ?? '')
/** "/v1/" and "/v2/" are versions of the protocol, not part of a repository's name. */
const pathOf = (server: string) =>
  withoutScheme(server)
    .split('/')
    .slice(1)
    .join('/')
    .replace(/^v[12]\/?$/, '')
    .replace(/\/$/, '')

function matches(image: string, server: string): boolean {
  const { host, path } = repositoryOf(image)
  const prefix = pathOf(server)
  return hostMatches(host, hostOf(server)) && (prefix === '' || path === prefix || path.startsWith(`${prefix}/`))
}

/** "*.example.com" stands for one label each; ports are compared exactly. */
function hostMatches(host: string, pattern: string): boolean {
  const hostParts = host.split('.')
  const patternParts = pattern.split('.')
  return (
    hostParts.length === patternParts.length && patternParts.every((part, at) => part === '*' || part === hostParts[at])
  )
}

function parseJson(bytes: Buffer | undefined): unknown {
  if (!bytes) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined // a secret that is no JSON holds no credentials
  }
}
