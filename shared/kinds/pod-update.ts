// pod-update.ts - what may change in a pod that is there already: next to nothing, as upstream has it
import { canonicalJson, withoutEmpty } from '../hash.ts'
import type { Container, Pod, PodSpec } from './object.ts'
import { forbiddenField, invalidValue, type Cause } from './status-error.ts'

const WHY =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** Who binds, and who debugs, comes through an endpoint of its own, where more may change. */
export function podUpdateCauses(next: Pod, old: Pod, subresource?: string): Cause[] {
  // Nearly every write of a pod is one of its status: the whole comparison is for the few others.
  if (JSON.stringify(next.spec) === JSON.stringify(old.spec)) return []
  const isUnchanged =
    canonicalJson(withoutEmpty(fixedPart(next.spec, old.spec, subresource))) ===
    canonicalJson(withoutEmpty(fixedPart(old.spec, old.spec, subresource)))
  return [
    ...countCauses(next.spec, old.spec),
    ...deadlineCauses(next.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds),
    ...tolerationCauses(next.spec, old.spec),
    ...(subresource === 'ephemeralcontainers' ? debugCauses(next.spec, old.spec) : []),
    ...(isUnchanged ? [] : [forbiddenField('spec', WHY)]),
  ]
}

/** The spec without what may change. */
function fixedPart(spec: PodSpec, old: PodSpec, subresource: string | undefined): unknown {
  const strip = (container: Container) => ({ ...container, image: undefined })
  return {
    ...spec,
    containers: spec.containers?.map(strip),
    initContainers: spec.initContainers?.map(strip),
    ...(subresource === 'ephemeralcontainers' && { ephemeralContainers: undefined }),
    ...(subresource === 'binding' && { nodeName: undefined }),
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    // Gates only open: the scheduler may take one away, nobody may add one.
    schedulingGates: spec.schedulingGates?.every((gate) => old.schedulingGates?.some(({ name }) => name === gate.name))
      ? undefined
      : spec.schedulingGates,
  }
}

function countCauses(next: PodSpec, old: PodSpec): Cause[] {
  const why = 'pod updates may not add or remove containers'
  return (['containers', 'initContainers'] as const).flatMap((list) =>
    (next[list]?.length ?? 0) === (old[list]?.length ?? 0) ? [] : [forbiddenField(`spec.${list}`, why)],
  )
}

function deadlineCauses(next: number | undefined, old: number | undefined): Cause[] {
  const field = 'spec.activeDeadlineSeconds'
  if (old === undefined) return []
  if (next === undefined) return [invalidValue(field, null, 'must not update from a positive integer to nil value')]
  return next > old ? [invalidValue(field, next, `must be less than or equal to previous value`)] : []
}

function tolerationCauses(next: PodSpec, old: PodSpec): Cause[] {
  const kept = new Set(
    (next.tolerations ?? []).map((toleration) => canonicalJson({ ...toleration, tolerationSeconds: 0 })),
  )
  const isMissing = (old.tolerations ?? []).some(
    (toleration) => !kept.has(canonicalJson({ ...toleration, tolerationSeconds: 0 })),
  )
  return isMissing
    ? [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')]
    : []
}

/** They only come: somebody may be sitting in those that are there. */
function debugCauses(next: PodSpec, old: PodSpec): Cause[] {
  const field = 'spec.ephemeralContainers'
  return (old.ephemeralContainers ?? []).flatMap((container) => {
    const now = next.ephemeralContainers?.find(({ name }) => name === container.name)
    if (!now) return [forbiddenField(field, `existing ephemeral containers "${container.name}" may not be removed`)]
    const isSame = canonicalJson(withoutEmpty(now)) === canonicalJson(withoutEmpty(container))
    return isSame ? [] : [forbiddenField(field, `existing ephemeral containers "${container.name}" may not be changed`)]
  })
}
