// nodes.ts - `holdfast nodes`: every device with its state and the age of what is known of it
import { ageOf } from '../../shared/human-duration.ts'
import type { Node } from '../../shared/kinds/object.ts'
import { readWitness } from '../../shared/last-witness.ts'
import { printTable } from './print-table.ts'

/** When each node was last measured, by name: fresher than what its object says, which the hub writes sparingly. */
export type LastBeats = ReadonlyMap<string, string>

export interface NodeRow {
  name: string
  state: string
  lastBeat: string
  /** "link broke 5m ago"; "-" while it is online: the last beat is all there is to say. */
  lastWitness: string
  site: string
  runtimes: string
  resources: string
}

const RUNTIME_LABEL = /^holdfast\.dev\/runtime-(.+)$/

export function nodeRow(node: Node, beats: LastBeats, nowMs: number): NodeRow {
  const { labels = {}, annotations = {}, name } = node.metadata
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  const state = annotations['holdfast.dev/state'] ?? (ready?.status === 'True' ? 'Online' : 'Never seen')
  const since = ageOf(annotations['holdfast.dev/state-since'] ?? ready?.lastTransitionTime, nowMs)
  const witness = readWitness(annotations)
  const runtimes = Object.entries(labels).flatMap(([label, value]) =>
    value === 'true' ? (RUNTIME_LABEL.exec(label)?.[1] ?? []) : [],
  )
  return {
    name,
    state: `${state} for ${since}`,
    lastBeat: ageOf(beats.get(name) ?? annotations['holdfast.dev/last-beat'] ?? ready?.lastHeartbeatTime, nowMs),
    lastWitness: witness ? `${witness.what} ${ageOf(witness.at, nowMs)} ago` : '-',
    site: labels['topology.kubernetes.io/zone'] ?? '-',
    runtimes: runtimes.join(',') || '-',
    resources: `${node.status?.capacity?.['cpu'] ?? '?'} cpu, ${node.status?.capacity?.['memory'] ?? '?'}`,
  }
}

export function nodesTable(nodes: readonly Node[], beats: LastBeats, nowMs: number): string {
  const rows = nodes.map((node) => nodeRow(node, beats, nowMs))
  return printTable(
    ['NAME', 'STATE', 'LAST BEAT', 'LAST WITNESS', 'SITE', 'RUNTIMES', 'RESOURCES'],
    rows.map((row) => [row.name, row.state, row.lastBeat, row.lastWitness, row.site, row.runtimes, row.resources]),
  )
}
