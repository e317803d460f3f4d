// engine.ts - what tests ask a real container engine beside the agents: which containers are there, which images
import { createDockerClient, type DockerClient, type Dockerode } from '../../agent/runtime/docker-client.ts'
import { labelFilter } from '../../agent/runtime/docker-identity.ts'
import { systemClock } from '../../shared/clock.ts'
import { parseDockerAddress } from '../../shared/docker-address.ts'

export interface SeenContainer {
  id: string
  /** Name in the pod's spec; "" for a sandbox. */
  name: string
  pod: string
  podUid: string
  node: string
  isRunning: boolean
  image: string
}

export interface Engine {
  readonly client: DockerClient
  /** Of one device, ended ones included. */
  containersOf(nodeName: string): Promise<SeenContainer[]>
  removeContainersOf(nodeName: string): Promise<void>
  kill(id: string): Promise<void>
}

export function createEngine(dockerHost: string): Engine {
  const client = createDockerClient({ address: parseDockerAddress(dockerHost), clock: systemClock })
  const containersOf = async (nodeName: string) => {
    const query = { all: true, filters: JSON.stringify({ label: [labelFilter(nodeName)] }) }
    // The engine's documented answer.
    const found = (await client.call({ method: 'GET', path: '/containers/json', query })) as Dockerode.ContainerInfo[]
    return found.map(({ Id: id, Labels: labels, State: state, Image: image }) => ({
      id,
      name: labels['holdfast.dev/container'] ?? '',
      pod: labels['holdfast.dev/pod'] ?? '',
      podUid: labels['holdfast.dev/pod-uid'] ?? '',
      node: nodeName,
      isRunning: state === 'running',
      image,
    }))
  }
  return {
    client,
    containersOf,
    async removeContainersOf(nodeName) {
      const remove = ({ id }: SeenContainer) =>
        client.call({ method: 'DELETE', path: `/containers/${id}`, query: { force: true, v: true } })
      // All in turn: one that another removal took along is no failure.
      for (const container of await containersOf(nodeName)) await Promise.allSettled([remove(container)])
    },
    async kill(id) {
      await client.call({ method: 'POST', path: `/containers/${id}/kill` })
    },
  }
}
