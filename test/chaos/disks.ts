// disks.ts - what is wrong with the disks of devices, and whether their nodes say so; pure
import type { Node } from '../../shared/kinds/object.ts'

export type DiskTrouble = 'full' | 'read-only'

/** By the names of their nodes. */
export type SickDisks = ReadonlyMap<string, readonly DiskTrouble[]>

const SAID_AS: Readonly<Record<DiskTrouble, string>> = { full: 'DiskPressure', 'read-only': 'ReadOnlyFS' }

/** Undefined when every node says all that is wrong with its disk. */
export function unsaid(nodes: readonly Node[], sick: SickDisks): string | undefined {
  for (const [name, troubles] of sick) {
    const node = nodes.find(({ metadata }) => metadata.name === name)
    const silent = troubles.find((trouble) => !says(node, trouble))
    if (silent !== undefined) return `the disk of ${name} is ${silent}, and its node does not say ${SAID_AS[silent]}`
  }
  return undefined
}

/** Undefined when no node says that anything is wrong with its disk. */
export function complaint(nodes: readonly Node[]): string | undefined {
  for (const trouble of ['full', 'read-only'] as const) {
    const ill = nodes.find((node) => says(node, trouble))
    if (ill) return `node ${ill.metadata.name} says ${SAID_AS[trouble]}, and its disk is well`
  }
  return undefined
}

const says = (node: Node | undefined, trouble: DiskTrouble): boolean =>
  node?.status?.conditions?.some(({ type, status }) => type === SAID_AS[trouble] && status === 'True') ?? false
