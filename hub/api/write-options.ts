// write-options.ts - how a write is to be done, as its query parameters say
import { invalid, invalidValue, unsupportedValue } from '../../shared/kinds/status-error.ts'
import type { Validation } from './incoming.ts'
import { flag } from './query.ts'

export interface WriteOptions {
  manager: string
  /** Whether the client named its manager itself, which server-side apply demands. */
  isManagerNamed: boolean
  dryRun: boolean
  force: boolean
  subresource?: string
  validation: Validation
}

/** Upstream's bound on the name of a field manager. */
const MANAGER_LENGTH_MAX = 128
const LEVELS: readonly Validation['level'][] = ['Ignore', 'Warn', 'Strict']

const refuse = (cause: ReturnType<typeof invalidValue>) =>
  invalid({ group: 'meta.k8s.io', plural: '', kind: 'WriteOptions' }, '', [cause])

export function isDryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter(Boolean)
  const wrong = values.find((value) => value !== 'All')
  if (wrong !== undefined) throw refuse(unsupportedValue('dryRun', wrong, ['All']))
  return values.length > 0
}

export function validationLevel(query: URLSearchParams): Validation['level'] {
  const asked = query.get('fieldValidation') || 'Warn'
  const level = LEVELS.find((one) => one === asked)
  if (!level) throw refuse(unsupportedValue('fieldValidation', asked, LEVELS))
  return level
}

/** Without a name of its own a client is called as its program calls itself. */
export function fieldManager(query: URLSearchParams, userAgent: string | undefined): string {
  const named = query.get('fieldManager')
  if (named && (named.length > MANAGER_LENGTH_MAX || !/^[\P{C}]+$/u.test(named)))
    throw refuse(
      invalidValue('fieldManager', named.slice(0, MANAGER_LENGTH_MAX), 'must be at most 128 printable characters'),
    )
  const program = userAgent?.split('/')[0]?.trim().slice(0, MANAGER_LENGTH_MAX)
  return named || program || 'unknown'
}

export function writeOptions(
  query: URLSearchParams,
  userAgent: string | undefined,
  notes: Pick<Validation, 'duplicates' | 'warn'>,
): WriteOptions {
  return {
    manager: fieldManager(query, userAgent),
    isManagerNamed: Boolean(query.get('fieldManager')),
    dryRun: isDryRun(query),
    force: flag(query, 'force'),
    validation: { level: validationLevel(query), ...notes },
  }
}
