// rolling.ts - the next steps of a DaemonSet's rolling update: one pod after the other, or side by side where surging is allowed
import type { Pod } from '../../../shared/kinds/object.ts'
import { wasReady } from '../../../shared/last-known.ts'
import { follows, PREPARED } from '../../../shared/succession.ts'
import { isActive, podCondition } from '../pod-state.ts'
import { isFailing } from '../rollout.ts'
import { mayFollow, noSteps, type DaemonSteps, type NewDaemonPod } from './manage.ts'
import { daemonBounds, isCurrent, type DaemonView, type NodeView } from './view.ts'

export function planRolling(view: DaemonView): DaemonSteps {
  const { daemonSet } = view
  if (daemonSet.metadata.deletionTimestamp || daemonSet.spec.updateStrategy?.type === 'OnDelete') return noSteps
  return daemonBounds(view).maxSurge > 0 ? planSurge(view) : planReplace(view)
}

interface Pair {
  node: NodeView
  current: Pod | undefined
  old: Pod | undefined
}

const pairOn = (view: DaemonView, node: NodeView): Pair => {
  const active = node.pods.filter(isActive)
  return {
    node,
    current: active.find((pod) => isCurrent(view, pod)),
    old: active.find((pod) => !isCurrent(view, pod)),
  }
}

const wantedPairs = (view: DaemonView) =>
  view.nodes.filter(({ wanted }) => wanted.run).map((node) => pairOn(view, node))

/**
 * The new pod comes first, with the order to start after the old one; the old one is told to go when the device says that
 * only it is in the way. So whenever the link is cut the device holds a state in which one of them runs, and an image that
 * cannot be had leaves the old one running.
 *
 * A device that is away uses up nothing of what may be unavailable: it could hold the update of all others for ever. Nor
 * does one whose engine does not answer; it is given the new pod, and hands over when it can.
 */
function planReplace(view: DaemonView): DaemonSteps {
  const pairs = wantedPairs(view)
  const serves = (pod: Pod | undefined) => pod !== undefined && view.judge(pod) === 'available'
  const there = pairs.filter(({ node }) => isThere(node))
  const down = there.filter(({ current, old }) => !serves(current) && !serves(old)).length
  const begun = there.filter(({ current, old }) => current && !serves(current) && serves(old)).length
  const mayGo = Math.max(0, daemonBounds(view).maxUnavailable - down)

  const isServing = ({ node, old }: Pair) => serves(old) && isThere(node)
  const open = pairs.filter(({ node, old, current }) => old && !current && (node.keepsOrder || !node.silent))
  const chosen = [
    ...open.filter((pair) => !isServing(pair)),
    ...open.filter(isServing).slice(0, Math.max(0, mayGo - begun)),
  ]
  const ready = pairs.filter(mayHandOver)
  const goes = [...ready.filter((pair) => !isServing(pair)), ...ready.filter(isServing).slice(0, mayGo)]
  return {
    ...noSteps,
    create: chosen.flatMap(successorOf),
    delete: [...chosen.filter(({ node }) => !node.keepsOrder), ...goes].flatMap(({ old }) => old ?? []),
  }
}

const isThere = ({ offline, silent }: NodeView) => !offline && !silent

const successorOf = ({ node, old }: Pair): NewDaemonPod[] =>
  node.keepsOrder && old && mayFollow(node) ? [{ nodeName: node.name, after: node.pods }] : []

function mayHandOver({ node, current, old }: Pair): boolean {
  if (!old || !current?.spec.nodeName || !follows(current, old)) return false
  const isPrepared = !node.offline && podCondition(current, PREPARED)?.status === 'True'
  if (isPrepared || wasReady(old)) return isPrepared
  // One that runs may be ready again in a moment, while a pull takes an hour. But it may also be what fills the disk.
  return node.offline || !runs(old) || isFailing(current)
}

const runs = ({ status }: Pod) => status?.containerStatuses?.some(({ state }) => state?.running) ?? false

/** The new pod starts beside the old one; `planManage` takes the old one away when the new one is available. */
function planSurge(view: DaemonView): DaemonSteps {
  const create: string[] = []
  const candidates: string[] = []
  // Made before surging was allowed: it would wait for ever for a pod that goes only when it is available.
  const waiting: Pod[] = []
  let surging = 0
  for (const { node, current, old } of wantedPairs(view)) {
    if (!old || !isThere(node)) continue
    if (current) {
      surging++
      if (follows(current, old)) waiting.push(current)
    } else if (view.judge(old) !== 'available') create.push(node.name)
    else candidates.push(node.name)
  }
  const allowed = Math.max(0, daemonBounds(view).maxSurge - surging)
  const nodes = [...create, ...candidates.slice(0, allowed)]
  return { ...noSteps, create: nodes.map((nodeName) => ({ nodeName, after: [] })), delete: waiting }
}
