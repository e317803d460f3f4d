// node.ts - filters on what a node is: its name, cordon, taints, labels and runtimes
import type { Taint } from '../../../shared/kinds/object.ts'
import { matchesNodeSelection, offersRuntime, runtimeAnswers, runtimeLabelOf } from '../../../shared/node-selection.ts'
import { tolerates, tolerationsOf, untolerated } from '../../../shared/tolerations.ts'
import type { Filter, Verdict } from './filter.ts'

const UNSCHEDULABLE: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
const CORDONED: Verdict = ['node(s) were unschedulable']
const NO_MATCH: Verdict = ["node(s) didn't match Pod's node affinity/selector"]

export const notCordoned: Filter = ({ pod }) => {
  if (pod.spec.tolerations?.some((toleration) => tolerates(toleration, UNSCHEDULABLE))) return undefined
  return ({ node }) => (node?.spec.unschedulable ? CORDONED : undefined)
}

export const toleratesTaints: Filter = ({ pod }) => {
  const tolerations = tolerationsOf(pod.spec)
  return ({ taints }) => {
    if (taints.length === 0) return undefined
    const taint = untolerated(taints, tolerations, ['NoSchedule', 'NoExecute'])
    return taint && [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`]
  }
}

export const matchesSelection: Filter = ({ pod: { spec } }) => {
  if (!spec.nodeSelector && !spec.affinity?.nodeAffinity) return undefined
  return ({ node }) => (node && matchesNodeSelection(spec, node) ? undefined : NO_MATCH)
}

export const hasRuntime: Filter = ({ pod: { spec } }) => {
  const runtime = runtimeLabelOf(spec).split('/runtime-').at(-1) ?? ''
  const missing: Verdict = [`node(s) didn't offer the runtime ${runtime}`]
  const silent: Verdict = [`node(s) had a runtime ${runtime} that does not answer`]
  return ({ node }) => {
    if (!node || !offersRuntime(spec, node)) return missing
    return runtimeAnswers(spec, node) ? undefined : silent
  }
}
