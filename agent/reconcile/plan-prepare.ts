// plan-prepare.ts - what can be had for a pod before its turn to run: what is missing shows while the pod that it follows still runs
import type { ContainerView, PodView } from './life.ts'
import { planImage, planVolumes, retryable } from './plan-run.ts'
import type { PodMemoryView } from './pod-memory.ts'
import { doing, NOTHING, together, type Plan, type PlanInput } from './step.ts'

/** Those of debuggers come later, if at all. */
const lasting = ({ containers }: PodView) => containers.filter(({ container }) => container.role !== 'ephemeral')

export function planPrepare(view: PodView, input: PlanInput): Plan {
  const volumes = planVolumes(input)
  const images = lasting(view).map((one) => planImage(one, input) ?? (volumes ? NOTHING : planRehearsal(one, input)))
  return together([volumes ?? NOTHING, ...images])
}

function planRehearsal({ container, specHash }: ContainerView, input: PlanInput): Plan {
  if (input.memory.rehearsals.get(container.name) === 'passed') return NOTHING
  return retryable(container.name, input) ?? doing({ do: 'rehearse', container, specHash })
}

export const isPrepared = (view: PodView, { images, volumes, rehearsals }: PodMemoryView): boolean =>
  volumes.kind === 'ready' &&
  lasting(view).every(({ container: { name } }) => images.get(name)?.kind === 'ready' && rehearsals.has(name))
