// docker-create.ts - makes containers and sandboxes; what an interrupted attempt left behind is taken over or removed
import { ACT_MS, type DockerClient, type Dockerode } from './docker-client.ts'
import { asUnavailable, EngineError, isEngineTrouble, isNameConflict, isStatus } from './docker-errors.ts'
import { containerName, identityFromLabels, MESSAGE_FILE_LABEL } from './docker-identity.ts'
import type { DockerImages } from './docker-images.ts'
import type { DockerMessages } from './docker-messages.ts'
import { createBody, type EngineFacts } from './docker-spec.ts'
import { PAUSE_IMAGE, pauseImageArchive } from './pause-image.ts'
import { StartError, type ContainerSpec, type Runtime } from './runtime.ts'

export interface DockerCreateDeps {
  client: DockerClient
  node: string
  images: DockerImages
  messages: DockerMessages
  facts: () => Promise<EngineFacts>
  inspect: (id: string) => Promise<Dockerode.ContainerInspectInfo | undefined>
}

/** Loading the sandbox's image moves two kilobytes. */
const LOAD_MS = 60_000

export function createDockerCreate(deps: DockerCreateDeps): Pick<Runtime, 'createContainer' | 'createSandbox'> {
  let loading: Promise<void> | undefined
  return {
    createContainer: (spec) => create(deps, spec),
    async createSandbox(spec) {
      const sandbox = { ...spec, image: PAUSE_IMAGE }
      if (!(await deps.images.find(PAUSE_IMAGE))) {
        // Fifty pods that start together need it once.
        loading ??= loadPauseImage(deps).finally(() => (loading = undefined))
        await loading
      }
      return create(deps, sandbox)
    },
  }
}

async function create(deps: DockerCreateDeps, spec: ContainerSpec): Promise<string> {
  const { messages } = deps
  const file = messages.make(spec)
  try {
    return await createWith(deps, spec, file)
  } catch (error) {
    messages.drop(file)
    if (file === undefined || !messages.isRefusal(file, error)) throw error
    return createWith(deps, spec, undefined)
  }
}

async function createWith(deps: DockerCreateDeps, spec: ContainerSpec, file: string | undefined): Promise<string> {
  const facts = await deps.facts()
  const needsImageUser = spec.security.runAsGroup !== undefined && spec.security.runAsUser === undefined
  const imageUser = needsImageUser ? ((await deps.images.find(spec.image))?.user ?? '') : ''
  const messageFile = file === undefined ? {} : { messageFile: file }
  const body = createBody(spec, { node: deps.node, facts, imageUser, ...messageFile })
  const name = containerName(spec.identity)
  const make = async () => {
    const id = await post(deps.client, name, body)
    deps.messages.keep(id, file)
    return id
  }
  try {
    return await make()
  } catch (error) {
    if (!isNameConflict(error)) throw creationFailure(spec, error)
  }
  const leftover = await takeOver(deps, name, spec)
  if (leftover !== undefined) {
    deps.messages.drop(file)
    return leftover
  }
  try {
    return await make()
  } catch (error) {
    throw creationFailure(spec, error)
  }
}

async function post(client: DockerClient, name: string, body: object): Promise<string> {
  const made = await client.call({ method: 'POST', path: '/containers/create', query: { name }, body, boundMs: ACT_MS })
  // The engine's documented answer.
  return (made as { Id: string }).Id
}

/** Answers the id when the one that has the name is what we want; removes it when it is ours but made otherwise. */
async function takeOver(
  { client, inspect, messages, node }: DockerCreateDeps,
  name: string,
  { identity }: ContainerSpec,
) {
  const holder = await inspect(name)
  if (!holder) return undefined
  const found = identityFromLabels(node, holder.Config.Labels)
  if (!found)
    throw new StartError('CreateContainerError', `the name ${name} is taken by a container that is not this node's`)
  if (found.podUid === identity.podUid && found.specHash === identity.specHash) return holder.Id
  await client
    .call({ method: 'DELETE', path: `/containers/${holder.Id}`, query: { force: true, v: true }, boundMs: ACT_MS })
    .catch((error: unknown) => {
      if (!isStatus(error, 404)) throw asUnavailable(error)
    })
  messages.drop(holder.Config.Labels[MESSAGE_FILE_LABEL])
  return undefined
}

function creationFailure({ image }: ContainerSpec, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error
  if (isEngineTrouble(error)) return asUnavailable(error)
  if (error.status === 404) return new StartError('CreateContainerError', `No such image: ${image}`)
  return new StartError('CreateContainerError', error.message)
}

async function loadPauseImage({ client, facts }: DockerCreateDeps): Promise<void> {
  const { architecture } = await facts()
  const file = pauseImageArchive(architecture)
  if (!file) throw new StartError('CreateContainerError', `there is no sandbox program for ${architecture}`)
  await client.call({ method: 'POST', path: '/images/load', query: { quiet: true }, file, boundMs: LOAD_MS })
}
