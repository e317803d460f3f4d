// eviction.ts - pods/eviction: deletes a pod unless a disruption budget forbids it now
import * as v from 'valibot'
import type { KubeObject, Pod } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { POD_DISRUPTION_BUDGET } from '../../../shared/kinds/policy.ts'
import { REPLICA_SET } from '../../../shared/kinds/replica-set.ts'
import { STATEFUL_SET } from '../../../shared/kinds/stateful-set.ts'
import { badRequest, StatusError } from '../../../shared/kinds/status-error.ts'
import { matchesSelector } from '../../../shared/selectors.ts'
import type { DeleteOptions, Objects } from '../../store/objects.ts'
import type { Reader } from '../../store/store.ts'
import type { Handler } from '../extension.ts'
import { budgetState, ignoresBudgets, mayDisrupt } from './disruption.ts'
import { podOf } from './pod-target.ts'

const evictionBody = v.object({
  metadata: v.optional(v.object({ name: v.optional(v.string()), namespace: v.optional(v.string()) })),
  deleteOptions: v.nullish(
    v.object({
      gracePeriodSeconds: v.nullish(v.pipe(v.number(), v.integer())),
      dryRun: v.nullish(v.array(v.string())),
      preconditions: v.nullish(v.object({ uid: v.nullish(v.string()), resourceVersion: v.nullish(v.string()) })),
    }),
  ),
})
type EvictionBody = v.InferOutput<typeof evictionBody>

export function createEvictionHandler({ objects }: { objects: Objects }): Handler {
  return (call, response) => {
    const body = parseEviction(call.body, call.name)
    const pod = podOf(call, objects)
    checkBudgets(pod, objects)
    const dryRun = call.dryRun || (body.deleteOptions?.dryRun?.includes('All') ?? false)
    objects.delete(POD, call.namespace, pod.metadata.name, { ...deleteOptions(body), dryRun })
    response.statusCode = 201
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  }
}

function parseEviction(body: unknown, name: string | undefined): EvictionBody {
  const parsed = v.safeParse(evictionBody, body ?? {})
  if (!parsed.success)
    throw badRequest(`the body is no Eviction: ${parsed.issues.map((issue) => issue.message).join('; ')}`)
  const named = parsed.output.metadata?.name
  if (named && named !== name) throw badRequest(`name in URL does not match name in Eviction object`)
  return parsed.output
}

function deleteOptions({ deleteOptions: asked }: EvictionBody): DeleteOptions {
  const uid = asked?.preconditions?.uid
  const resourceVersion = asked?.preconditions?.resourceVersion
  return {
    ...(asked?.gracePeriodSeconds != null && { gracePeriodSeconds: asked.gracePeriodSeconds }),
    ...((uid || resourceVersion) && {
      preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
    }),
  }
}

/** Throws when a budget forbids that the pod goes now. */
export function checkBudgets(pod: Pod, objects: Reader): void {
  if (ignoresBudgets(pod)) return
  const all = objects.list(POD_DISRUPTION_BUDGET, pod.metadata.namespace)
  const [budget, second] = all.filter(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels))
  if (!budget) return
  if (second)
    throw new StatusError(
      500,
      'InternalError',
      `This pod has more than one PodDisruptionBudget, which the eviction subresource does not support: ${budget.metadata.name}, ${second.metadata.name}`,
    )
  const pods = objects
    .list(POD, pod.metadata.namespace)
    .filter((each) => matchesSelector(budget.spec.selector, each.metadata.labels))
  const state = budgetState(budget, pods, expectedCount(pods, objects))
  if (mayDisrupt(pod, budget, state)) return
  // No Retry-After: kubectl drain tells its user and waits by itself; a header would make the client retry in silence.
  throw new StatusError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [
      {
        reason: 'DisruptionBudget',
        message: `The disruption budget ${budget.metadata.name} needs ${state.desiredHealthy} healthy pods and has ${state.currentHealthy} currently`,
      },
    ],
  })
}

/** Replicas of the owners; pods without one that we know count for themselves. */
function expectedCount(pods: readonly Pod[], objects: Reader): number {
  const owners = new Map<string, number>()
  let alone = 0
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller)
    const kind = [REPLICA_SET, STATEFUL_SET].find((known) => known.kind === owner?.kind)
    const object = kind && owner ? objects.get<KubeObject>(kind, metadata.namespace, owner.name) : undefined
    const replicas = object && replicasOf(object)
    if (owner && replicas !== undefined) owners.set(owner.uid, replicas)
    else alone += 1
  }
  return [...owners.values()].reduce((sum, replicas) => sum + replicas, alone)
}

function replicasOf({ spec }: KubeObject): number | undefined {
  const parsed = v.safeParse(v.object({ replicas: v.number() }), spec)
  return parsed.success ? parsed.output.replicas : undefined
}
