// plan.ts - decides the next steps of one pod: a pure function of what is wanted, seen, remembered and the time
import { viewOf } from './life.ts'
import { planPrepare } from './plan-prepare.ts'
import { planRun } from './plan-run.ts'
import { planFail, planHold, planStop } from './plan-stop.ts'
import { together, waitUntil, type Plan, type PlanInput } from './step.ts'

export function planPod(input: PlanInput): Plan {
  const plan = planFor(input)
  return input.deadlineAtMonoMs === undefined ? plan : together([plan, waitUntil(input.deadlineAtMonoMs)])
}

function planFor(input: PlanInput): Plan {
  const view = viewOf(input)
  switch (input.intent) {
    case 'run':
      return planRun(view, input)
    case 'prepare':
      return planPrepare(view, input)
    case 'hold':
      return planHold(view, input)
    case 'fail':
      return planFail(view, input)
    case 'stop':
      return planStop(view, input)
  }
}
