// node.ts - the row for nodes: the devices of the fleet
import { AGE, column, NAME, NONE, wide } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import { labelCauses } from './metadata.ts'
import type { Node } from './object.ts'
import { duplicateValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'

const ROLE_LABEL = 'node-role.kubernetes.io/'
const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export const NODE = defineKind<Node>({
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  subresources: { ...statusPart('Node') },
  selectableFields: { 'spec.unschedulable': (node) => unschedulable(node) },
  columns: [
    NAME,
    column<Node>('Status', statusText),
    column<Node>('Roles', rolesText),
    AGE,
    column<Node>('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
    wide<Node>('Internal-IP', (node) => address(node, 'InternalIP')),
    wide<Node>('External-IP', (node) => address(node, 'ExternalIP')),
    wide<Node>('OS-Image', (node) => node.status?.nodeInfo?.osImage || '<unknown>'),
    wide<Node>('Kernel-Version', (node) => node.status?.nodeInfo?.kernelVersion || '<unknown>'),
    wide<Node>('Container-Runtime', (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
  ],
  setDefaults(node) {
    node.spec ??= {}
    node.status ??= {}
  },
  validate: (node) => taintCauses(node),
})

const unschedulable = (node: { spec?: unknown }): boolean =>
  typeof node.spec === 'object' &&
  node.spec !== null &&
  'unschedulable' in node.spec &&
  node.spec.unschedulable === true

function statusText(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return unschedulable(node) ? `${state},SchedulingDisabled` : state
}

function rolesText(node: Node): string {
  const labels = Object.entries(node.metadata.labels ?? {})
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(ROLE_LABEL)) return [key.slice(ROLE_LABEL.length)]
    return key === 'kubernetes.io/role' && value ? [value] : []
  })
  return [...new Set(roles)].filter(Boolean).toSorted().join(',') || NONE
}

const address = (node: Node, wanted: string): string =>
  node.status?.addresses?.find(({ type }) => type === wanted)?.address ?? NONE

function taintCauses(node: Node): Cause[] {
  const seen = new Set<string>()
  return (node.spec?.taints ?? []).flatMap((taint, index) => {
    const at = `spec.taints[${index}]`
    const identity = `${taint.key}:${taint.effect}`
    const isRepeated = seen.has(identity)
    seen.add(identity)
    return [
      ...(taint.key ? labelCauses({ [taint.key]: taint.value ?? '' }, at) : [requiredValue(`${at}.key`)]),
      ...(TAINT_EFFECTS.includes(taint.effect) ? [] : [unsupportedValue(`${at}.effect`, taint.effect, TAINT_EFFECTS)]),
      ...(isRepeated ? [duplicateValue(at, { key: taint.key, effect: taint.effect })] : []),
    ]
  })
}
