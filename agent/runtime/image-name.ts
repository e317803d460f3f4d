// image-name.ts - image names as Docker reads them: what is left out means docker.io, library and latest
import { ImageError } from './runtime.ts'

export interface ImageName {
  /** With registry and path, without tag or digest: "docker.io/library/busybox". */
  repository: string
  registry: string
  tag?: string
  digest?: string
}

const HOST = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?`
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const REFERENCE = new RegExp(
  String.raw`^(?:(?<host>${HOST})/)?(?<path>${PART}(?:/${PART})*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>\w+:[0-9a-fA-F]{32,}))?$`,
)
/** Docker's own bound for the repository; it also keeps the expression above cheap on hostile input. */
const NAME_LENGTH_MAX = 512

/** The names of the first registry and of the folder that its official images live in. */
const DEFAULT_REGISTRY = 'docker.io'
const OFFICIAL = 'library'

/** Throws ImageError with upstream's words. */
export function parseImageName(image: string): ImageName {
  const match = image.length <= NAME_LENGTH_MAX ? REFERENCE.exec(image)?.groups : undefined
  if (!match?.['path']) {
    const why = image === image.toLowerCase() ? 'invalid reference format' : 'repository name must be lowercase'
    throw new ImageError('InvalidImageName', `couldn't parse image name "${image.slice(0, NAME_LENGTH_MAX)}": ${why}`)
  }
  const { host, path, tag, digest } = match
  // Only a dot, a port or "localhost" make the first part a registry: "holdfast/pause" is a path at the default one.
  const isRegistry = host !== undefined && (/[.:]/.test(host) || host === 'localhost')
  const registry = isRegistry ? host : DEFAULT_REGISTRY
  const rest = isRegistry || host === undefined ? path : `${host}/${path}`
  const full = registry === DEFAULT_REGISTRY && !rest.includes('/') ? `${OFFICIAL}/${rest}` : rest
  const named = { repository: `${registry}/${full}`, registry }
  if (digest) return { ...named, digest }
  return { ...named, tag: tag ?? 'latest' }
}

/** "my-image" becomes "docker.io/library/my-image:latest". */
export function normalizeImageName(image: string): string {
  const { repository, tag, digest } = parseImageName(image)
  return digest ? `${repository}@${digest}` : `${repository}:${tag}`
}
