// probe-validation.ts - what probes and life cycle hooks may not say
import type { LifecycleHandler } from 'kubernetes-types/core/v1.js'
import { portNameError } from '../names.ts'
import { checked } from './metadata.ts'
import type { Probe } from './object.ts'
import { forbiddenField, invalidValue, requiredValue, unsupportedValue, type Cause } from './status-error.ts'

interface ProbeRules {
  /** One success ends the doubt of a liveness or startup probe: more would never be counted. */
  onlyOneSuccess: boolean
}

export function probeCauses(probe: Probe | undefined, at: string, { onlyOneSuccess }: ProbeRules): Cause[] {
  if (!probe) return []
  const counts = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const
  const grace = probe.terminationGracePeriodSeconds
  const successes = probe.successThreshold ?? 1
  return [
    ...handlerCauses(probe, at),
    ...counts.flatMap((field) => {
      const value = probe[field] ?? 0
      return value < 0 ? [invalidValue(`${at}.${field}`, value, 'must be greater than or equal to 0')] : []
    }),
    ...(onlyOneSuccess && successes > 1 ? [invalidValue(`${at}.successThreshold`, successes, 'must be 1')] : []),
    ...(!onlyOneSuccess && grace !== undefined
      ? [invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes')]
      : []),
    ...(grace !== undefined && grace < 1
      ? [invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')]
      : []),
  ]
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const
type Handler = LifecycleHandler & Pick<Probe, 'grpc'>

/** Exactly one way to do it. */
export function handlerCauses(handler: Handler | undefined, at: string): Cause[] {
  if (!handler) return []
  const [first, ...others] = HANDLERS.filter((name) => handler[name] !== undefined)
  if (!first) return [requiredValue(at, 'must specify a handler type')]
  return [
    ...others.map((name) => forbiddenField(`${at}.${name}`, 'may not specify more than 1 handler type')),
    ...(handler.exec && !handler.exec.command?.length ? [requiredValue(`${at}.exec.command`)] : []),
    ...httpCauses(handler.httpGet, `${at}.httpGet`),
    ...(handler.tcpSocket ? portCauses(handler.tcpSocket.port, `${at}.tcpSocket.port`) : []),
    ...(handler.grpc ? portCauses(handler.grpc.port, `${at}.grpc.port`) : []),
  ]
}

function httpCauses(httpGet: Handler['httpGet'], at: string): Cause[] {
  if (!httpGet) return []
  const { path, port, scheme = 'HTTP', httpHeaders = [] } = httpGet
  const isToken = (name: string) => /^[-A-Za-z0-9!#$%&'*+.^_`|~]+$/.test(name)
  return [
    ...(path ? [] : [requiredValue(`${at}.path`)]),
    ...portCauses(port, `${at}.port`),
    ...(['HTTP', 'HTTPS'].includes(scheme) ? [] : [unsupportedValue(`${at}.scheme`, scheme, ['HTTP', 'HTTPS'])]),
    ...httpHeaders.flatMap(({ name }, index) =>
      isToken(name)
        ? []
        : [
            invalidValue(
              `${at}.httpHeaders[${index}].name`,
              name,
              "a valid HTTP header must consist of alphanumeric characters or '-'",
            ),
          ],
    ),
  ]
}

function portCauses(port: number | string | undefined, field: string): Cause[] {
  if (typeof port === 'string') return checked(field, port, portNameError)
  const isFine = port !== undefined && port >= 1 && port <= 65_535
  return isFine ? [] : [invalidValue(field, port ?? 0, 'must be between 1 and 65535, inclusive')]
}
