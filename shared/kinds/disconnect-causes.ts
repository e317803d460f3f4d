// disconnect-causes.ts - what the annotations about disconnects may not say, on pods and on templates
import {
  LOST_AFTER,
  LOST_AFTER_MS_MAX,
  LOST_AFTER_MS_MIN,
  lostAfterMsOf,
  ON_DISCONNECT,
  ON_DISCONNECT_CHOICES,
  ON_RECONNECT,
  ON_RECONNECT_CHOICES,
  SINGLETON,
  SINGLETON_CHOICES,
} from '../disconnect-policy.ts'
import { humanDuration } from '../human-duration.ts'
import { oneOf } from './field-rules.ts'
import { immutableField, invalidValue, type Cause } from './status-error.ts'

type Annotations = Readonly<Record<string, string>> | undefined

const LOST_AFTER_WHY = `must be a duration such as 60s or 10m, from ${humanDuration(LOST_AFTER_MS_MIN)} to ${humanDuration(LOST_AFTER_MS_MAX)}`

/** Device and hub count with these: a hub that has other numbers than the device would start a second one too early. */
const FIXED = [ON_DISCONNECT, LOST_AFTER, SINGLETON]

export function disconnectCauses(annotations: Annotations, at: string): Cause[] {
  const said = annotations ?? {}
  const lostAfter = said[LOST_AFTER]
  return [
    ...oneOf(said[ON_DISCONNECT], `${at}[${ON_DISCONNECT}]`, ON_DISCONNECT_CHOICES),
    ...oneOf(said[ON_RECONNECT], `${at}[${ON_RECONNECT}]`, ON_RECONNECT_CHOICES),
    ...oneOf(said[SINGLETON], `${at}[${SINGLETON}]`, SINGLETON_CHOICES),
    ...(lostAfter === undefined || lostAfterMsOf(lostAfter) !== undefined
      ? []
      : [invalidValue(`${at}[${LOST_AFTER}]`, lostAfter, LOST_AFTER_WHY)]),
  ]
}

export const disconnectUpdateCauses = (next: Annotations, old: Annotations, at: string): Cause[] =>
  FIXED.filter((key) => next?.[key] !== old?.[key]).map((key) => immutableField(`${at}[${key}]`, next?.[key] ?? null))
