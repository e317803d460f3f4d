// fake-images.ts - the image store and the registry of the fake runtime
import { ImageError, type ImageInfo, type PullRequest } from '../../agent/runtime/runtime.ts'
import { sleep, type Clock } from '../../shared/clock.ts'

export interface FakeImages {
  /** Is on the device from now on. */
  add(image: string, user?: string): void
  remove(image: string): void
  /** The registry has it; what is neither here nor added cannot be pulled. */
  pullable(image: string, options?: { takesMs?: number; user?: string; totalBytes?: number }): void
  pullFails(image: string, reason: ImageError['reason'], message: string): void
  find(image: string): ImageInfo | undefined
  pull(request: PullRequest): Promise<ImageInfo>
}

type Answer = { takesMs: number; user: string; totalBytes: number } | { reason: ImageError['reason']; message: string }

/** How often a pull that takes its time tells how far it is. */
const STEPS = 100

export function createFakeImages(clock: Clock): FakeImages {
  const present = new Map<string, ImageInfo>()
  const registry = new Map<string, Answer>()
  const add = (image: string, user = '') => {
    const info = { id: `sha256:${Buffer.from(image).toString('hex').padEnd(64, '0').slice(0, 64)}`, user }
    present.set(image, info)
    return info
  }
  return {
    add: (image, user) => void add(image, user),
    remove: (image) => void present.delete(image),
    pullable: (image, options) => void registry.set(image, { takesMs: 0, user: '', totalBytes: 100, ...options }),
    pullFails: (image, reason, message) => void registry.set(image, { reason, message }),
    find: (image) => present.get(image),
    async pull(request) {
      const { image, signal } = request
      const answer = registry.get(image)
      if (!answer) throw new ImageError('ErrImagePull', `pull access denied for ${image}, repository does not exist`)
      if ('reason' in answer) throw new ImageError(answer.reason, answer.message)
      const { takesMs, totalBytes } = answer
      for (let steps = 0; steps < STEPS && takesMs > 0; steps++) {
        request.onProgress?.({ doneBytes: (totalBytes * steps) / STEPS, totalBytes })
        await sleep(clock, takesMs / STEPS, signal)
      }
      if (signal.aborted) throw new ImageError('ErrImagePull', 'the pull was cancelled')
      request.onProgress?.({ doneBytes: totalBytes, totalBytes })
      return add(image, answer.user)
    },
  }
}
