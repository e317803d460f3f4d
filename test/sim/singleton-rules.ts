// singleton-rules.ts - what may run only once runs at most once on the whole fleet, at every instant
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'
import type { Options } from './options.ts'
import type { Rules } from './rules.ts'

export interface SingletonRules {
  started(node: string, container: ObservedContainer): void
  ended(node: string, container: ObservedContainer): void
  /** Somebody has said that they know better: nothing can be promised. */
  excuse(podName: string): void
  /**
   * The hub was set back to this epoch and nobody says so: before a device has shown it, and an epoch of its own begins,
   * it makes pods beside those that it has forgotten. That is the limit of what hub/README.md promises, and only such a
   * pod is excused.
   */
  setBack(epoch: number): void
  /** The hub has made a pod, and is in this epoch. */
  made(podUid: string, epoch: number): void
}

export const workloadOf = (podName: string): string => /^work-\d+/.exec(podName)?.[0] ?? ''

export function createSingletonRules({ options, rules }: { options: Options; rules: Rules }): SingletonRules {
  const running = new Map<string, Map<string, ObservedContainer['identity']>>()
  const excused = new Set<string>()
  let unawareIn: number | undefined
  const madeUnaware = new Set<string>()
  const isWatched = ({ identity }: ObservedContainer) =>
    options.workloads.some((one) => one.policy.isSingleton && one.name === workloadOf(identity.pod)) &&
    !excused.has(workloadOf(identity.pod))
  const instances = ({ identity }: ObservedContainer) => {
    const name = workloadOf(identity.pod)
    const there = running.get(name) ?? new Map<string, ObservedContainer['identity']>()
    running.set(name, there)
    return there
  }
  return {
    started(node, container) {
      if (container.identity.container !== 'main') return
      const there = instances(container)
      there.set(`${node} ${container.id}`, container.identity)
      const isExcused = [...there.values()].some(({ podUid }) => madeUnaware.has(podUid))
      if (there.size > 1 && isWatched(container) && !isExcused)
        rules.broken(
          'what may run only once runs once',
          [...there].map(([where, { pod }]) => `${pod} runs as ${where}`).join(', '),
        )
    },
    ended: (node, container) => void instances(container).delete(`${node} ${container.id}`),
    excuse: (podName) => void excused.add(workloadOf(podName)),
    setBack: (epoch) => void (unawareIn = epoch),
    made(podUid, epoch) {
      if (epoch === unawareIn) madeUnaware.add(podUid)
    },
  }
}
