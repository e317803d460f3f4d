// cold-boot.ts - whether a pod begins anew because the device was switched off since, and what it does again then; pure
import type { ContainerHistory } from '../cache/cache.ts'
import type { PodContainer } from './pod-shape.ts'

/** What there is to know of each container. */
interface Standing {
  container: PodContainer
  life: { kind: 'never' | 'created' | 'running' } | { kind: 'ended'; exitCode: number }
  history: ContainerHistory | undefined
}

/** Names of the init containers whose work went with the power; undefined for a pod that does not begin anew. */
export function repeatedAfterBoot(containers: readonly Standing[], bootId: string): ReadonlySet<string> | undefined {
  // An agent that did not note the boot yet has made what bears no note; then nobody knows, and nothing is done again.
  const isNoted = containers.some(({ history }) => history?.bootId !== undefined)
  const isOfBefore = ({ life, history }: Standing) =>
    isNoted && life.kind !== 'running' && history !== undefined && history.bootId !== bootId
  const apps = containers.filter(({ container }) => container.role === 'app')
  const isAnew = containers.some(isOfBefore) && apps.every((one) => one.life.kind === 'never' || isOfBefore(one))
  if (!isAnew) return undefined
  return new Set(containers.filter((one) => isDoneInit(one) && isOfBefore(one)).map(({ container }) => container.name))
}

const isDoneInit = ({ container, life }: Standing) =>
  container.role === 'init' && !container.isSidecar && life.kind === 'ended' && life.exitCode === 0
