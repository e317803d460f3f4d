// continue-token.ts - where the next page of a list begins, and the revision that all its pages show
import { badRequest } from '../../shared/kinds/status-error.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'

export interface Continue {
  revision: number
  namespace: string
  name: string
}

export const continueText = (revision: number, last: KubeObject): string =>
  Buffer.from(JSON.stringify([revision, last.metadata.namespace ?? '', last.metadata.name])).toString('base64url')

export function parseContinue(text: string): Continue {
  const parts = parseParts(Buffer.from(text, 'base64url').toString('utf8'))
  const [revision, namespace, name] = Array.isArray(parts) ? parts : []
  const isWhole = typeof revision === 'number' && Number.isSafeInteger(revision) && revision >= 0
  if (!isWhole || typeof namespace !== 'string' || typeof name !== 'string') throw notValid()
  return { revision, namespace, name }
}

function parseParts(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notValid()
  }
}

const notValid = () => badRequest('continue key is not valid: it was not made by this server')

/** Lists are sorted by namespace, then name. */
export function isAfter({ metadata }: KubeObject, { namespace, name }: Continue): boolean {
  const own = metadata.namespace ?? ''
  return own === namespace ? metadata.name > name : own > namespace
}
