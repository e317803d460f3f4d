// manage.ts - which daemon pods are missing, and which are too many, failed, or on a node that wants none
import type { Pod } from '../../../shared/kinds/object.ts'
import { follows, PREDECESSORS_MAX } from '../../../shared/succession.ts'
import { hasFinished } from '../pod-state.ts'
import { isCurrent, type DaemonView, type NodeView } from './view.ts'

export interface NewDaemonPod {
  nodeName: string
  /** Pods of the same node: the device starts nothing of the new one before these have ended. */
  after: readonly Pod[]
}

export interface DaemonSteps {
  create: readonly NewDaemonPod[]
  delete: readonly Pod[]
  /** Deleted as well, after a pause that grows: a pod that fails at once would otherwise be made without end. */
  failed: readonly Pod[]
}

export const noSteps: DaemonSteps = { create: [], delete: [], failed: [] }

export function planManage(view: DaemonView): DaemonSteps {
  if (view.daemonSet.metadata.deletionTimestamp) return noSteps
  const each = view.nodes.map((node) => manageNode(view, node))
  return {
    create: each.flatMap(({ create }) => create),
    delete: [...each.flatMap((steps) => steps.delete), ...view.stray.filter(isStaying)],
    failed: each.flatMap(({ failed }) => failed),
  }
}

const isStaying = (pod: Pod) => pod.metadata.deletionTimestamp === undefined

function manageNode(view: DaemonView, node: NodeView): DaemonSteps {
  const { name, wanted, pods } = node
  const staying = pods.filter(isStaying)
  if (wanted.run && staying.length === 0 && mayFollow(node))
    return { ...noSteps, create: [{ nodeName: name, after: pods }] }
  if (!wanted.stay) return { ...noSteps, delete: staying }
  const failed = staying.filter(hasFinished)
  const running = staying.filter((pod) => !hasFinished(pod))
  if (running.length <= 1) return { ...noSteps, failed }
  return { ...noSteps, failed, delete: surplus(view, running) }
}

/** A link that is cut between the end of one pod and the order for the next would leave the device with neither. */
export const mayFollow = ({ keepsOrder, pods }: NodeView) => pods.length < (keepsOrder ? PREDECESSORS_MAX : 1)

/**
 * While a node is being updated it has an old and a new pod, and the old one goes when the new one is available. One that
 * still waits for another and is not of the newest template any more is never wanted.
 */
function surplus(view: DaemonView, running: readonly Pod[]): Pod[] {
  const isPassedOver = (pod: Pod) => !isCurrent(view, pod) && running.some((other) => follows(pod, other))
  const left = running.filter((pod) => !isPassedOver(pod))
  const current = left.filter((pod) => isCurrent(view, pod))
  const old = left.filter((pod) => !isCurrent(view, pod))
  const available = current.find((pod) => view.judge(pod) === 'available')
  if (available) return running.filter((pod) => pod !== available)
  return [...running.filter(isPassedOver), ...old.slice(1), ...current.slice(1)]
}
