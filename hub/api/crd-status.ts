// crd-status.ts - what the status of a custom kind's definition says: are its names free, is it served
import type { CustomResourceDefinition } from '../../shared/kinds/custom-resource-definition.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Registry } from '../../shared/kinds/registry.ts'

/** Why these names cannot be served: another kind of the group has one of them. */
export function nameClash(
  { spec }: CustomResourceDefinition,
  registry: Pick<Registry, 'all'>,
  own: readonly Kind[],
): string | undefined {
  const others = registry.all().filter((row) => row.group === spec.group && !own.includes(row))
  if (others.some((row) => row.plural === spec.names.plural)) return `"${spec.names.plural}" is already in use`
  if (others.some((row) => row.kind === spec.names.kind)) return `"${spec.names.kind}" is already in use`
  return undefined
}

export const isAccepted = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'NamesAccepted' && value === 'True') ?? false

export function definitionStatus(definition: CustomResourceDefinition, clash: string | undefined, time: string) {
  const { spec, status } = definition
  const before = status?.conditions ?? []
  const condition = (type: string, isTrue: boolean, reason: string, message: string) => {
    const old = before.find((one) => one.type === type)
    const value = isTrue ? ('True' as const) : ('False' as const)
    const isSame = old?.status === value
    return { type, status: value, reason, message, lastTransitionTime: (isSame && old.lastTransitionTime) || time }
  }
  const accepted = clash
    ? condition('NamesAccepted', false, 'NameConflict', clash)
    : condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found')
  const established = clash
    ? condition('Established', false, 'NotAccepted', 'not all names are accepted')
    : condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted')
  const stored = spec.versions.filter((version) => version.storage).map((version) => version.name)
  return {
    ...status,
    conditions: [
      ...before.filter(({ type }) => type !== 'NamesAccepted' && type !== 'Established'),
      accepted,
      established,
    ],
    acceptedNames: clash ? (status?.acceptedNames ?? { kind: '', plural: '' }) : spec.names,
    storedVersions: [...new Set([...(status?.storedVersions ?? []), ...stored])],
  }
}
