// images.ts - gets images onto the device: one pull for all who want the same, few at a time
import { sha256Hex } from '../../shared/hash.ts'
import { ImageError, type ImageInfo, type PullProgress, type Runtime } from '../runtime/runtime.ts'
import { createLimiter } from './limiter.ts'
import type { Credentials } from './pull-secrets.ts'

export interface ImageRequest {
  runtime: Runtime
  image: string
  policy: 'Always' | 'IfNotPresent' | 'Never'
  /** The same was made before in this pod: what is here is good enough, a restart must not need the network. */
  isRepeat: boolean
  credentials: readonly Credentials[]
  signal: AbortSignal
  /** Called once when the network is needed. */
  onPull(): void
  /** As far as the runtime tells it. */
  onProgress(progress: PullProgress): void
}

export interface FetchedImage {
  info: ImageInfo
  how: 'present' | 'pulled'
  /** Set when the registry did not answer and what is here is used. */
  despite?: string
}

export interface Images {
  /** Throws ImageError or RuntimeUnavailable. */
  fetch(request: ImageRequest): Promise<FetchedImage>
}

/** Enough to fill a thin link; more would only share it. */
const PULLS_AT_ONCE = 3

interface Shared {
  result: Promise<ImageInfo>
  waiting: Set<ImageRequest>
  abort: AbortController
}

/** How long a pull may stand still is its runtime's business, which sees every byte. */
export function createImages(): Images {
  const limiter = createLimiter(PULLS_AT_ONCE)
  const running = new Map<string, Shared>()

  const pull = ({ runtime, image, credentials }: ImageRequest, { waiting, abort }: Omit<Shared, 'result'>) =>
    limiter.run(async () => {
      abort.signal.throwIfAborted()
      const onProgress = (progress: PullProgress) => {
        for (const one of waiting) one.onProgress(progress)
      }
      const tries = credentials.length > 0 ? credentials : [undefined]
      let refused: unknown
      for (const shown of tries) {
        try {
          return await runtime.pull({ image, ...(shown && { credentials: shown }), signal: abort.signal, onProgress })
        } catch (error) {
          if (!(error instanceof ImageError)) throw error
          refused = error
        }
      }
      throw refused
    })

  const begin = (key: string, request: ImageRequest): Shared => {
    const parts = { waiting: new Set<ImageRequest>(), abort: new AbortController() }
    const entry = { ...parts, result: pull(request, parts).finally(() => forget(key, entry)) }
    running.set(key, entry)
    return entry
  }
  const forget = (key: string, entry: Shared) => {
    if (running.get(key) === entry) running.delete(key)
  }

  const shared = async (request: ImageRequest): Promise<ImageInfo> => {
    // It may have been given up while the runtime was asked: no event tells of that again.
    request.signal.throwIfAborted()
    const key = sha256Hex(JSON.stringify([request.runtime.name, request.image, request.credentials]))
    const entry = running.get(key) ?? begin(key, request)
    entry.waiting.add(request)
    // The last one who does not want it any more ends it; whoever comes then begins anew.
    const leave = () => {
      entry.waiting.delete(request)
      if (entry.waiting.size > 0) return
      forget(key, entry)
      entry.abort.abort(new ImageError('ErrImagePull', 'nobody waits for it any more'))
    }
    request.signal.addEventListener('abort', leave, { once: true })
    try {
      return await entry.result
    } finally {
      request.signal.removeEventListener('abort', leave)
    }
  }

  return {
    async fetch(request) {
      const { runtime, image, policy, isRepeat } = request
      const present = await runtime.findImage(image)
      if (present && (policy !== 'Always' || isRepeat)) return { info: present, how: 'present' }
      if (policy === 'Never')
        throw new ImageError('ErrImageNeverPull', `Container image "${image}" is not present with pull policy of Never`)
      request.onPull()
      try {
        return { info: await shared(request), how: 'pulled' }
      } catch (error) {
        // Always means: ask the registry. One that cannot be reached has no answer, and offline is normal.
        const isOffline = error instanceof ImageError && error.reason === 'RegistryUnavailable'
        if (isOffline && present) return { info: present, how: 'present', despite: error.message }
        throw error
      }
    },
  }
}

/** Upstream's default: a moving tag is asked for each time. */
export function pullPolicyOf(image: string, policy: string | undefined): ImageRequest['policy'] {
  if (policy === 'Always' || policy === 'IfNotPresent' || policy === 'Never') return policy
  const tag = image.includes('@') ? 'digest' : (/:([^/:]+)$/.exec(image)?.[1] ?? 'latest')
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}
