// binding.ts - pods/binding: a scheduler of the user's own says where a pod runs
import * as v from 'valibot'
import { POD } from '../../../shared/kinds/pod.ts'
import { badRequest, conflict } from '../../../shared/kinds/status-error.ts'
import type { Objects } from '../../store/objects.ts'
import type { Handler } from '../extension.ts'
import { podOf } from './pod-target.ts'

const bindingBody = v.object({
  target: v.object({ kind: v.optional(v.string()), name: v.pipe(v.string(), v.minLength(1)) }),
})
const BINDING = { group: '', plural: 'pods/binding', kind: 'Binding' }

export function createBindingHandler({ objects }: { objects: Objects }): Handler {
  return (call, response) => {
    const parsed = v.safeParse(bindingBody, call.body)
    if (!parsed.success) throw badRequest('a Binding names its node in target.name')
    const { target } = parsed.output
    if (target.kind && target.kind !== 'Node') throw badRequest(`a pod can be bound to a Node, not to a ${target.kind}`)
    const { name } = podOf(call, objects).metadata
    objects.modify(
      POD,
      call.namespace,
      name,
      (pod) => {
        if (pod.metadata.deletionTimestamp)
          throw conflict(BINDING, name, `pod ${name} is being deleted, cannot be assigned to a host`)
        if (pod.spec.nodeName)
          throw conflict(BINDING, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`)
        return { ...pod, spec: { ...pod.spec, nodeName: target.name } }
      },
      { dryRun: call.dryRun, subresource: 'binding' },
    )
    response.statusCode = 201
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  }
}
