// offers.ts - what this device offers: the runtimes that have answered, once and for all, and what its agent knows how to do
import type { Cache } from './cache/cache.ts'
import type { Runtime, RuntimeInfo } from './runtime/runtime.ts'
import type { Clock, Timer } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import { RUNTIME_DOCKER_LABEL, RUNTIME_PROCESS_LABEL } from '../shared/node-selection.ts'
import type { Service } from '../shared/service.ts'
import { KEEPS_ORDER_LABEL } from '../shared/succession.ts'

export interface Offers extends Service {
  infos(): RuntimeInfo[]
  labels(): Readonly<Record<string, string>>
}

export interface OffersDeps {
  cache: Pick<Cache, 'getValue' | 'setValue'>
  clock: Clock
  runtimes: readonly Runtime[]
  log: Log
  /** Another runtime, or another version of one, has answered. */
  onChange(): void
}

const LABELS = { docker: RUNTIME_DOCKER_LABEL, process: RUNTIME_PROCESS_LABEL } as const
const KEY = 'offers'
/** An answer can be lost without the runtime ever saying that it was away. */
const ASK_AGAIN_MS = 5_000

/** A daemon that is down for a moment is a condition of the node; its label would move pods for nothing. */
export function createOffers({ cache, clock, runtimes, log, onChange }: OffersDeps): Offers {
  const known = new Map<string, RuntimeInfo>()
  const stops: (() => void)[] = []
  let isStopped = false
  const later = new Map<Runtime, Timer>()

  async function ask(runtime: Runtime): Promise<void> {
    later.get(runtime)?.cancel()
    try {
      const info = await runtime.info()
      if (known.get(runtime.name)?.version === info.version) return
      known.set(runtime.name, info)
      cache.setValue(KEY, JSON.stringify([...known.values()]))
      onChange()
    } catch (error) {
      // Until it answers the node's condition tells.
      log.debug({ runtime: runtime.name, error }, 'a runtime does not answer')
      if (!isStopped)
        later.set(
          runtime,
          clock.after(ASK_AGAIN_MS, () => void ask(runtime)),
        )
    }
  }

  function remembered(): RuntimeInfo[] {
    const isHere = ({ name }: RuntimeInfo) => runtimes.some((runtime) => runtime.name === name)
    // Written by ourselves, checksummed by the cache.
    const kept = JSON.parse(cache.getValue(KEY) ?? '[]') as RuntimeInfo[]
    return kept.filter(isHere)
  }

  return {
    infos: () => [...known.values()],
    labels: () => {
      const runtimesHere = [...known.values()].map(({ name }) => [LABELS[name], 'true'] as const)
      return { ...Object.fromEntries(runtimesHere), [KEEPS_ORDER_LABEL]: 'true' }
    },
    start() {
      for (const info of remembered()) known.set(info.name, info)
      for (const runtime of runtimes) {
        stops.push(runtime.onEvent((event) => void (event.kind === 'relist' && ask(runtime))))
        // Nobody waits: a runtime that hangs must not hold up the device, and whoever answers greets the hub again.
        void ask(runtime)
      }
    },
    stop() {
      isStopped = true
      for (const stop of stops.splice(0)) stop()
      for (const timer of later.values()) timer.cancel()
    },
  }
}
