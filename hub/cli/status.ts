// status.ts - `holdfast status`: one screen of the fleet, and what is not as it should be and why
import { ageOf } from '../../shared/human-duration.ts'
import type { ConfigMap, DaemonSet, Deployment, KubeObject, Node, Pod } from '../../shared/kinds/object.ts'
import { lastKnownSince, QUEUED, ROLLOUT } from '../../shared/last-known.ts'
import { nodeRow, type LastBeats } from './nodes.ts'
import { recoveryTroubles } from './recover.ts'
import { printTable } from './print-table.ts'

export interface FleetView {
  server: string
  version: string
  nodes: readonly Node[]
  beats: LastBeats
  deployments: readonly Deployment[]
  daemonSets: readonly DaemonSet[]
  pods: readonly Pod[]
  /** Of a hub that has lost a part of its history. */
  recoveryNote?: ConfigMap | undefined
}

/** A screen holds this much; the rest is counted. */
const TROUBLES_SHOWN_MAX = 15

export function statusScreen(view: FleetView, nowMs: number): string {
  const troubles = [
    ...recoveryTroubles({ ...view, note: view.recoveryNote }),
    ...view.nodes.flatMap((node) => nodeTrouble(node, view.beats, nowMs)),
    ...view.pods.flatMap((pod) => podTrouble(pod, nowMs)),
  ]
  return [
    `Hub         ${view.server}, version ${view.version}`,
    '',
    view.nodes.length > 0
      ? printTable(
          ['NODE', 'STATE', 'LAST BEAT', 'PODS', 'SITE'],
          view.nodes.map((node) => statusNodeRow(node, view, nowMs)),
        )
      : 'No devices yet: `holdfast token create` makes a token, `holdfast-agent join <token>` on the device uses it.',
    '',
    workloadTable(view, nowMs),
    '',
    troubles.length > 0 ? troubleList(troubles) : 'Everything is as it should be.',
  ].join('\n')
}

function statusNodeRow(node: Node, { pods, beats }: FleetView, nowMs: number): string[] {
  const { name, state, lastBeat, site } = nodeRow(node, beats, nowMs)
  const bound = pods.filter((pod) => pod.spec.nodeName === name && !isFinished(pod))
  return [name, state, lastBeat, `${bound.filter(isReady).length}/${bound.length} ready`, site]
}

interface Workload {
  kind: string
  object: KubeObject
  desired: number
  ready: number
  /** How far the newest template has come, in the hub's own words. */
  rollout: string
}

const rolloutOf = (conditions: readonly { type: string; message?: string }[] | undefined, updated = 0): string =>
  conditions?.find(({ type }) => type === ROLLOUT)?.message ?? `${updated} updated`

function workloadTable(view: FleetView, nowMs: number): string {
  const workloads: Workload[] = [
    ...view.deployments.map((object) => ({
      kind: 'Deployment',
      object,
      desired: object.spec.replicas ?? 1,
      ready: object.status?.readyReplicas ?? 0,
      rollout: rolloutOf(object.status?.conditions, object.status?.updatedReplicas),
    })),
    ...view.daemonSets.map((object) => ({
      kind: 'DaemonSet',
      object,
      desired: object.status?.desiredNumberScheduled ?? 0,
      ready: object.status?.numberReady ?? 0,
      rollout: rolloutOf(object.status?.conditions, object.status?.updatedNumberScheduled),
    })),
  ]
  if (workloads.length === 0) return 'No workloads yet: `kubectl apply -f manifests/hello.yaml` runs a first one.'
  const rows = workloads.map(({ kind, object, desired, ready, rollout }) => [
    `${object.metadata.namespace ?? ''}/${object.metadata.name}`,
    kind,
    `${ready}/${desired}`,
    rollout,
    ageOf(object.metadata.creationTimestamp, nowMs),
  ])
  return printTable(['WORKLOAD', 'KIND', 'READY', 'ROLLOUT', 'AGE'], rows)
}

function troubleList(troubles: readonly string[]): string {
  const shown = troubles.slice(0, TROUBLES_SHOWN_MAX)
  const more = troubles.length - shown.length
  return [
    'Not as it should be:',
    ...shown.map((line) => `  ${line}`),
    ...(more > 0 ? [`  ... and ${more} more`] : []),
  ].join('\n')
}

function nodeTrouble(node: Node, beats: LastBeats, nowMs: number): string[] {
  const { name, state, lastBeat, lastWitness } = nodeRow(node, beats, nowMs)
  const witness = lastWitness === '-' ? '' : `, last witness: ${lastWitness}`
  const lines = state.startsWith('Online') ? [] : [`node ${name} is ${state}; last beat ${lastBeat} ago${witness}`]
  if (node.spec.unschedulable) lines.push(`node ${name} is cordoned: \`kubectl uncordon ${name}\` lets pods come again`)
  const bad = (node.status?.conditions ?? []).filter(({ type, status }) => type !== 'Ready' && status === 'True')
  return [...lines, ...bad.map(({ type, message }) => `node ${name}: ${type}${message ? `: ${message}` : ''}`)]
}

const isFinished = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((item) => item.type === type)
const isReady = (pod: Pod) => condition(pod, 'Ready')?.status === 'True'

export function podTrouble(pod: Pod, nowMs: number): string[] {
  if (isReady(pod) || pod.status?.phase === 'Succeeded') return []
  const name = `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`
  const since = ageOf(pod.metadata.deletionTimestamp ?? pod.metadata.creationTimestamp, nowMs)
  if (pod.metadata.deletionTimestamp)
    return [`${name} is being stopped on ${pod.spec.nodeName ?? 'no node'}, since ${since}`]
  const away = whyAway(pod, nowMs)
  if (away !== undefined) return [`${name} on ${pod.spec.nodeName ?? 'no node'}: ${away}`]
  const why = whyNotReady(pod)
  return [`${name}${pod.spec.nodeName ? ` on ${pod.spec.nodeName}` : ''}: ${why} (made ${since} ago)`]
}

/** Undefined when its device is there: what the pod says is not old. */
function whyAway(pod: Pod, nowMs: number): string | undefined {
  const queued = condition(pod, QUEUED)
  if (queued?.status === 'True') return `queued for ${ageOf(queued.lastTransitionTime, nowMs)}: ${queued.message ?? ''}`
  const since = lastKnownSince(pod)
  return since && `its device is away for ${ageOf(since, nowMs)}; it was ready when it was last heard of`
}

function whyNotReady(pod: Pod): string {
  const scheduled = condition(pod, 'PodScheduled')
  if (scheduled?.status === 'False') return scheduled.message ?? scheduled.reason ?? 'not scheduled'
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  for (const { name, state, lastState } of statuses) {
    const waiting = state?.waiting
    if (waiting?.reason && !['PodInitializing', 'ContainerCreating'].includes(waiting.reason)) {
      return `${name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}`
    }
    const ended = state?.terminated ?? lastState?.terminated
    if (ended && ended.exitCode !== 0) return `${name}: ${ended.reason ?? 'Error'}, exit code ${ended.exitCode}`
  }
  const waiting = statuses.find(({ state }) => state?.waiting)?.state?.waiting
  if (waiting?.reason) return waiting.reason
  const ready = condition(pod, 'Ready')
  return ready?.message ?? pod.status?.message ?? pod.status?.reason ?? 'not ready yet'
}
