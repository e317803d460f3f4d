// bind.ts - writes where pods go: node and condition together, a whole batch in one transaction
import type { Pod, PodCondition } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import type { Store } from '../store/store.ts'

export interface Binding {
  pod: Pod
  nodeName: string
}

export const boundTo = (pod: Pod, nodeName: string): Pod => ({ ...pod, spec: { ...pod.spec, nodeName } })

/** Answers the pods as they are now stored; those that somebody deleted or bound in between are left out. */
export function bindAll(store: Store, bindings: readonly Binding[], now: string): Pod[] {
  return store.transact((tx) =>
    bindings.flatMap(({ pod, nodeName }) => {
      const current = tx.get(POD, pod.metadata.namespace, pod.metadata.name)
      const isSame = current?.metadata.uid === pod.metadata.uid
      if (!current || !isSame || current.spec.nodeName || current.metadata.deletionTimestamp) return []
      return [tx.put(POD, withScheduled(boundTo(current, nodeName), { status: 'True' }, now))]
    }),
  )
}

/** Times and everything else move only when the condition says something new. */
export function withScheduled(pod: Pod, next: Pick<PodCondition, 'status' | 'reason' | 'message'>, now: string): Pod {
  const conditions = pod.status?.conditions ?? []
  const current = conditions.find(({ type }) => type === 'PodScheduled')
  if (current?.status === next.status && current.reason === next.reason && current.message === next.message) return pod
  const lastTransitionTime = current?.status === next.status ? current.lastTransitionTime : now
  const condition: PodCondition = { type: 'PodScheduled', ...next, lastTransitionTime }
  const others = conditions.filter(({ type }) => type !== 'PodScheduled')
  return { ...pod, status: { ...pod.status, conditions: [...others, condition] } }
}
