// beat-every.ts - how often this device says that it lives: as the hub wishes, and as often as leases need it
import type { DesiredState } from '../../shared/protocol/messages.ts'

/** Until a desired state says otherwise. */
const DEFAULT_MS = 10_000
const MIN_MS = 1_000
const MAX_MS = 3_600_000

export function beatEveryMs(settings: DesiredState['settings'] | undefined, leaseMaxMs = Infinity): number {
  return Math.min(MAX_MS, Math.max(MIN_MS, Math.min(settings?.beatEveryMs ?? DEFAULT_MS, leaseMaxMs)))
}
