// docker-images.ts - which images are on the device, and having the others pulled
import type { Clock } from '../../shared/clock.ts'
import type { DockerClient, Dockerode } from './docker-client.ts'
import { asUnavailable, isStatus } from './docker-errors.ts'
import { pullImage } from './docker-pull.ts'
import type { EngineFacts } from './docker-spec.ts'
import { normalizeImageName, parseImageName } from './image-name.ts'
import { ImageError, type ImageInfo, type PullRequest } from './runtime.ts'

export interface DockerImages {
  find: (image: string) => Promise<ImageInfo | undefined>
  pull: (request: PullRequest) => Promise<ImageInfo>
}

export interface DockerImagesDeps {
  client: DockerClient
  clock: Clock
  facts: () => Promise<EngineFacts>
}

export function createDockerImages({ client, clock, facts }: DockerImagesDeps): DockerImages {
  const inspect = async (name: string): Promise<ImageInfo | undefined> => {
    try {
      const found = await client.call({ method: 'GET', path: `/images/${name}/json` })
      // The engine's documented answer.
      const { Id: id, Config: config } = found as Dockerode.ImageInspectInfo
      return { id, user: config?.User ?? '' }
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw asUnavailable(error)
    }
  }
  const find = async (image: string) => {
    const isId = /^sha256:[0-9a-f]{64}$/.test(image)
    const full = isId ? image : normalizeImageName(image)
    const found = await inspect(full)
    if (found || isId || (await facts()).engine === 'docker') return found
    // What Podman built on this device is called localhost/..., and `my-image` means that too.
    const { registry } = parseImageName(image)
    return registry === 'docker.io' ? inspect(`localhost/${image}`) : undefined
  }
  return {
    find,
    async pull(request) {
      const { engine } = await facts()
      await pullImage({ client, clock, engine }, request)
      const image = await find(request.image)
      if (!image) throw new ImageError('ErrImagePull', `${request.image} was pulled but is not there`)
      return image
    },
  }
}
