// docker-address.ts - where the container engine listens: told by configuration, DOCKER_HOST or the usual sockets
export type DockerAddress =
  | { kind: 'unix'; socketPath: string }
  | { kind: 'tcp'; host: string; port: number; tls: boolean }

const DOCKER_PORT = 2375
const DOCKER_TLS_PORT = 2376

/** "unix:///run/x.sock", "/run/x.sock", "tcp://host:2375", "https://host:2376". Throws on anything else. */
export function parseDockerAddress(text: string): DockerAddress {
  if (text.startsWith('/')) return { kind: 'unix', socketPath: text }
  if (text.startsWith('unix://')) return { kind: 'unix', socketPath: text.slice('unix://'.length) }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '')
    throw new Error(`"${text}" is not the address of a container engine: use unix:///path or tcp://host:port`)
  const port = url.port === '' ? (url.protocol === 'https:' ? DOCKER_TLS_PORT : DOCKER_PORT) : Number(url.port)
  return { kind: 'tcp', host: url.hostname, port, tls: url.protocol === 'https:' || port === DOCKER_TLS_PORT }
}

/** In the order in which a user would expect them: told, rootful Docker, rootful Podman, the user's own. */
export function findDockerAddress(
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): DockerAddress | undefined {
  if (env['DOCKER_HOST']) return parseDockerAddress(env['DOCKER_HOST'])
  const userFolder = env['XDG_RUNTIME_DIR']
  const own = userFolder ? [`${userFolder}/docker.sock`, `${userFolder}/podman/podman.sock`] : []
  const candidates = ['/var/run/docker.sock', '/run/podman/podman.sock', ...own]
  const socketPath = candidates.find(exists)
  return socketPath === undefined ? undefined : { kind: 'unix', socketPath }
}
