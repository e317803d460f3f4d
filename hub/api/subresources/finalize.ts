// finalize.ts - namespaces/finalize: takes spec.finalizers from the body and nothing else
import * as v from 'valibot'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { badRequest, conflict, notFound } from '../../../shared/kinds/status-error.ts'
import type { Objects } from '../../store/objects.ts'
import type { Handler } from '../extension.ts'

const finalizeBody = v.object({
  metadata: v.optional(v.object({ resourceVersion: v.nullish(v.string()) })),
  spec: v.nullish(v.object({ finalizers: v.nullish(v.array(v.string())) })),
})

export function createFinalizeHandler({ objects }: { objects: Objects }): Handler {
  return ({ name = '', body, dryRun }) => {
    const parsed = v.safeParse(finalizeBody, body)
    if (!parsed.success) throw badRequest('the body is no Namespace with spec.finalizers')
    const { metadata, spec } = parsed.output
    const finalizers = spec?.finalizers ?? []
    const namespace = objects.modify(
      NAMESPACE,
      undefined,
      name,
      (current) => {
        if (metadata?.resourceVersion && metadata.resourceVersion !== current.metadata.resourceVersion)
          throw conflict(NAMESPACE, name)
        return { ...current, spec: { ...current.spec, finalizers } }
      },
      { dryRun, subresource: 'finalize' },
    )
    if (!namespace) throw notFound(NAMESPACE, name)
    return namespace
  }
}
