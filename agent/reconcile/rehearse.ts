// rehearse.ts - works out all that a container is made from, without making it: what is missing or forbidden shows before its turn
import { StartError, type ContainerSpec, type ImageInfo } from '../runtime/runtime.ts'
import { containerSpec } from './container-spec.ts'
import { refusedHere } from './device-policy.ts'
import { environmentOf } from './env.ts'
import { notStarted } from './not-started.ts'
import type { PodContainer } from './pod-shape.ts'
import type { Network, Step } from './step.ts'
import type { ExecutorDeps, StepContext } from './step-context.ts'

export interface Blueprint {
  container: PodContainer
  attempt: number
  specHash: string
  network: Network
  processesOf?: string
  image: ImageInfo
}

/** Throws StartError or VolumeError. */
export function specFor(deps: ExecutorDeps, blueprint: Blueprint, { pod, config, podIp }: StepContext): ContainerSpec {
  const env = { pod, config, node: deps.node, podIp }
  const refused = refusedHere(pod, deps.policy)
  if (refused) throw new StartError('CreateContainerConfigError', refused)
  const mounts = deps.volumes.mounts(pod, blueprint.container, environmentOf(blueprint.container, env))
  const messageFolder = deps.volumes.messageFolder(pod.metadata.uid)
  return containerSpec({ ...env, ...blueprint, mounts, messageFolder })
}

export function rehearse(deps: ExecutorDeps, step: Extract<Step, { do: 'rehearse' }>, context: StepContext): void {
  const { container, specHash } = step
  const { images, rehearsals, failures } = context.memory
  const image = images.get(container.name)
  if (image?.kind !== 'ready') return
  try {
    specFor(deps, { container, attempt: 0, specHash, network: { kind: 'own' }, image: image.info }, context)
    rehearsals.set(container.name, 'passed')
    failures.delete(container.name)
  } catch (error) {
    rehearsals.delete(container.name)
    notStarted(deps, error, container, context)
  }
}
