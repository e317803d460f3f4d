// status-error.ts - errors in the words of Kubernetes: every refusal that a client sees is one of these
export interface Cause {
  reason: string
  message: string
  field?: string
}

export interface StatusDetails {
  name?: string
  group?: string
  kind?: string
  uid?: string
  causes?: readonly Cause[]
  retryAfterSeconds?: number
}

/** As much of a row of the table of kinds as an error needs to name it. */
export interface KindName {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

export class StatusError extends Error {
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined
  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message)
    this.name = 'StatusError'
    this.code = code
    this.reason = reason
    this.details = details
  }
  toStatus() {
    const { code, reason, message, details } = this
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    }
  }
}

const detailsOf = (kind: KindName, name?: string): StatusDetails => ({
  ...(name && { name }),
  ...(kind.group && { group: kind.group }),
  kind: kind.plural,
})
const resource = (kind: KindName) => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural)

export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message)
export const notFound = (kind: KindName, name: string) =>
  new StatusError(404, 'NotFound', `${resource(kind)} "${name}" not found`, detailsOf(kind, name))
export const noSuchPath = () => new StatusError(404, 'NotFound', 'the server could not find the requested resource')
export const methodNotAllowed = (why = 'the server does not allow this method on the requested resource') =>
  new StatusError(405, 'MethodNotAllowed', why)
export const alreadyExists = (kind: KindName, name: string) =>
  new StatusError(409, 'AlreadyExists', `${resource(kind)} "${name}" already exists`, detailsOf(kind, name))
export const conflict = (
  kind: KindName,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
) =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resource(kind)} "${name}": ${why}`,
    detailsOf(kind, name),
  )
export const expired = (message: string) => new StatusError(410, 'Expired', message)
export const forbidden = (kind: KindName, name: string | undefined, why: string) =>
  new StatusError(
    403,
    'Forbidden',
    `${resource(kind)}${name ? ` "${name}"` : ''} is forbidden: ${why}`,
    detailsOf(kind, name),
  )
export const tooManyRequests = (message: string, retryAfterSeconds: number, causes?: Cause[]) =>
  new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds, ...(causes && { causes }) })
/** The kind as it names itself in upstream's sentence: `Deployment.apps "x" is invalid`. */
export const invalid = (kind: KindName, name: string, causes: readonly Cause[]) => {
  const lines = causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : cause.message))
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const kindName = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
  return new StatusError(422, 'Invalid', `${kindName} "${name}" is invalid: ${text}`, {
    ...(name && { name }),
    ...(kind.group && { group: kind.group }),
    kind: kind.kind,
    causes,
  })
}

export const requiredValue = (field: string, why = ''): Cause => ({
  reason: 'FieldValueRequired',
  message: `Required value${why && `: ${why}`}`,
  field,
})
export const invalidValue = (field: string, value: unknown, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`,
  field,
})
export const immutableField = (field: string, value: unknown): Cause => invalidValue(field, value, 'field is immutable')
export const unsupportedValue = (field: string, value: unknown, supported: readonly string[]): Cause => ({
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${JSON.stringify(value ?? null)}: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}`,
  field,
})
export const duplicateValue = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${JSON.stringify(value)}`,
  field,
})
export const forbiddenField = (field: string, why: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
  field,
})
