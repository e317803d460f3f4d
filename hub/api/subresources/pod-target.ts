// pod-target.ts - which container of which pod on which node a request is about, and why not
import type { Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { badRequest, notFound } from '../../../shared/kinds/status-error.ts'
import type { Reader } from '../../store/store.ts'
import type { ApiCall } from '../extension.ts'

export function podOf({ namespace, name = '' }: Pick<ApiCall, 'namespace' | 'name'>, objects: Reader): Pod {
  const pod = objects.get(POD, namespace, name)
  if (!pod) throw notFound(POD, name)
  return pod
}

/** In upstream's words. The kind of container does not matter: all names of a pod differ. */
export function containerOf(pod: Pod, wanted: string | null): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec
  const names = (all: readonly { name: string }[]) => all.map(({ name }) => name)
  if (wanted) {
    const known = [...names(containers), ...names(initContainers), ...names(ephemeralContainers)]
    if (known.includes(wanted)) return wanted
    throw badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`)
  }
  const [only, ...others] = names(containers)
  if (only && others.length === 0) return only
  const inits = initContainers.length > 0 ? ` or one of the init containers: [${names(initContainers).join(' ')}]` : ''
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names(containers).join(' ')}]${inits}`,
  )
}

export function nodeOf(pod: Pod): string {
  if (pod.spec.nodeName) return pod.spec.nodeName
  const why = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')?.message
  throw badRequest(`pod ${pod.metadata.name} does not have a host assigned${why ? `: ${why}` : ''}`)
}

export function refuseCompleted(pod: Pod): void {
  const phase = pod.status?.phase
  if (phase === 'Succeeded' || phase === 'Failed')
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`)
}

export const podKey = (pod: Pod): string => `${pod.metadata.namespace}/${pod.metadata.name}`
