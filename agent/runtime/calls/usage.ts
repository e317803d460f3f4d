// usage.ts - what the containers of this device use now: a rate needs two samples, so the last ones are remembered
import { sleep, type Clock } from '../../../shared/clock.ts'
import type { UsageBody } from '../../../shared/protocol/calls.ts'
import { RuntimeUnavailable, type ContainerUsage, type ObservedContainer, type Runtime } from '../runtime.ts'

/** Shorter than this a rate says more about the moment than about the container. */
const WINDOW_MS_MIN = 1_000
/** Longer than this it says more about the past. */
const WINDOW_MS_MAX = 60_000

type Sample = Pick<ContainerUsage, 'cpuNanos' | 'memoryBytes' | 'sampledAtMonoMs'>
interface Measured {
  container: ObservedContainer
  sample: Sample
}

export function createUsage({ runtimes, clock }: { runtimes: readonly Runtime[]; clock: Clock }) {
  /** Only of containers that ran at the last look, so it cannot grow. */
  let earlier = new Map<string, Sample>()

  return {
    async measure(signal: AbortSignal): Promise<UsageBody> {
      let now = await sampleAll(runtimes)
      if (now.some(({ container, sample }) => !isUseful(earlier.get(container.id), sample))) {
        const first = samplesById(now)
        for (const [id, sample] of earlier) if (isUseful(sample, first.get(id))) first.set(id, sample)
        await sleep(clock, WINDOW_MS_MIN, signal)
        now = await sampleAll(runtimes)
        earlier = first
      }
      const nowMs = clock.monoMs()
      const containers = now.flatMap((measured) => {
        const before = earlier.get(measured.container.id)
        return before ? [rateOf(measured, before, nowMs)] : []
      })
      earlier = samplesById(now)
      return { containers }
    },
  }
}

const samplesById = (all: readonly Measured[]) => new Map(all.map(({ container, sample }) => [container.id, sample]))

function isUseful(before: Sample | undefined, after: Sample | undefined): boolean {
  if (!before || !after) return false
  const windowMs = after.sampledAtMonoMs - before.sampledAtMonoMs
  return windowMs >= WINDOW_MS_MIN && windowMs <= WINDOW_MS_MAX
}

function rateOf({ container, sample }: Measured, before: Sample, nowMs: number): UsageBody['containers'][number] {
  const windowMs = Math.max(1, sample.sampledAtMonoMs - before.sampledAtMonoMs)
  // A container that was restarted under the same id counts from nothing again.
  const usedNanos = Math.max(0, sample.cpuNanos - before.cpuNanos)
  return {
    podUid: container.identity.podUid,
    container: container.identity.container,
    cpuNanoCores: Math.round((usedNanos / windowMs) * 1000),
    memoryBytes: sample.memoryBytes,
    ageMs: Math.max(0, Math.round(nowMs - sample.sampledAtMonoMs)),
    windowMs: Math.round(windowMs),
  }
}

/** A runtime that does not answer is left out: the others' numbers are still true. */
async function sampleAll(runtimes: readonly Runtime[]): Promise<Measured[]> {
  const all = await Promise.allSettled(runtimes.map(sampleOne))
  const good = all.filter((answer) => answer.status === 'fulfilled').flatMap((answer) => answer.value)
  const failure = all.find((answer) => answer.status === 'rejected')
  if (failure && good.length === 0) throw new RuntimeUnavailable(String(failure.reason))
  return good
}

async function sampleOne(runtime: Runtime): Promise<Measured[]> {
  const running = (await runtime.list()).filter((each) => each.state === 'running' && each.identity.role !== 'sandbox')
  if (running.length === 0) return []
  const byId = new Map(running.map((each) => [each.id, each]))
  const samples = await runtime.usage([...byId.keys()])
  return samples.flatMap((sample) => {
    const container = byId.get(sample.id)
    return container ? [{ container, sample }] : []
  })
}
