// probes.ts - asks every running container in its own rhythm: startup first, then liveness and readiness
import type { Clock, Timer } from '../../shared/clock.ts'
import type { Pod, Probe } from '../../shared/kinds/object.ts'
import type { Events } from './events.ts'
import { askOnce, type ProbeTarget } from './probe-run.ts'
import { ALL_WELL, counted, PROBE_DEFAULTS, type ProbeCount, type ProbeKind, type ProbeResult } from './probe-result.ts'

export interface Probed extends ProbeTarget {
  /** It ran before this agent did: it is taken to be well until its probes say otherwise. */
  isAdopted: boolean
}

export interface Prober {
  /** These containers of the pod run now; others of it are not asked any more. */
  watch(pod: Pod, running: readonly Probed[]): void
  readonly result: (containerId: string) => ProbeResult
  forget(podUid: string): void
  stop(): void
}

export interface ProberDeps {
  clock: Clock
  events: Events
  onChange: (podUid: string) => void
}

interface Asked {
  probe: Probe
  count: ProbeCount
  timer: Timer | undefined
}

interface Watched {
  pod: Pod
  probed: Probed
  asked: Map<ProbeKind, Asked>
  isOver: boolean
}

export function createProber({ clock, events, onChange }: ProberDeps): Prober {
  const watched = new Map<string, Watched>()

  const end = (id: string, one: Watched) => {
    one.isOver = true
    for (const { timer } of one.asked.values()) timer?.cancel()
    watched.delete(id)
  }
  const begin = (pod: Pod, probed: Probed) => {
    const { startupProbe, livenessProbe, readinessProbe } = probed.container.spec
    const one: Watched = { pod, probed, asked: new Map(), isOver: false }
    const add = (kind: ProbeKind, probe: Probe | undefined, passing: boolean) => {
      if (probe) one.asked.set(kind, { probe, count: { passing, successes: 0, failures: 0 }, timer: undefined })
    }
    add('startup', startupProbe, false)
    add('liveness', livenessProbe, true)
    add('readiness', readinessProbe, probed.isAdopted)
    watched.set(probed.id, one)
    if (startupProbe) schedule(one, 'startup', firstDelayMs(startupProbe, probed))
    else afterStartup(one)
  }
  const afterStartup = (one: Watched) => {
    for (const kind of ['liveness', 'readiness'] as const) {
      const asked = one.asked.get(kind)
      if (asked) schedule(one, kind, firstDelayMs(asked.probe, one.probed))
    }
  }
  const schedule = (one: Watched, kind: ProbeKind, delayMs: number) => {
    const asked = one.asked.get(kind)
    // `ask` answers every failure itself; nothing is thrown.
    if (asked && !one.isOver) asked.timer = clock.after(delayMs, () => void ask(one, kind, asked))
  }
  const ask = async (one: Watched, kind: ProbeKind, asked: Asked) => {
    const timeoutMs = 1000 * (asked.probe.timeoutSeconds ?? PROBE_DEFAULTS.timeoutSeconds)
    const answer = await askOnce(asked.probe, one.probed, timeoutMs, clock)
    if (one.isOver) return
    const nextMs = 1000 * (asked.probe.periodSeconds ?? PROBE_DEFAULTS.periodSeconds)
    // As upstream: who could not be asked has not failed. A restart of the engine must not restart what is well.
    if (!answer.ok && answer.isUnasked) return schedule(one, kind, nextMs)
    const before = asked.count
    asked.count = counted(before, answer.ok, asked.probe)
    // The first of a row of failures says it all; the same again every ten seconds would only fill the journal.
    if (!answer.ok && before.failures === 0) {
      const message = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} probe failed: ${answer.output}`
      events.record(one.pod, { severity: 'Warning', reason: 'Unhealthy', message, container: one.probed.container })
    }
    const hasGivenUp = kind !== 'readiness' && isGivenUp(asked, kind)
    if (before.passing !== asked.count.passing || hasGivenUp) onChange(one.pod.metadata.uid)
    if (hasGivenUp) return
    if (kind === 'startup' && asked.count.passing) return afterStartup(one)
    schedule(one, kind, nextMs)
  }

  return {
    watch(pod, running) {
      const ids = new Set(running.map(({ id }) => id))
      for (const [id, one] of watched) if (one.pod.metadata.uid === pod.metadata.uid && !ids.has(id)) end(id, one)
      for (const probed of running) if (!watched.has(probed.id)) begin(pod, probed)
    },
    result(id) {
      const one = watched.get(id)
      return one ? resultOf(one) : { ...ALL_WELL, ready: false, started: false }
    },
    forget(podUid) {
      for (const [id, one] of watched) if (one.pod.metadata.uid === podUid) end(id, one)
    },
    stop() {
      for (const [id, one] of watched) end(id, one)
    },
  }
}

/** What was here before the agent was is asked at once: its initial delay is long over. */
const firstDelayMs = (probe: Probe, { isAdopted }: Probed) => (isAdopted ? 0 : 1000 * (probe.initialDelaySeconds ?? 0))

function isGivenUp({ probe, count }: Asked, kind: ProbeKind): boolean {
  const threshold = probe.failureThreshold ?? PROBE_DEFAULTS.failureThreshold
  return kind === 'startup' ? !count.passing && count.failures >= threshold : !count.passing
}

function resultOf({ asked, probed }: Watched): ProbeResult {
  const startup = asked.get('startup')
  const liveness = asked.get('liveness')
  const hasStarted =
    startup === undefined || startup.count.passing || (probed.isAdopted && startup.count.failures === 0)
  const failed =
    startup && isGivenUp(startup, 'startup') ? 'startup' : liveness && !liveness.count.passing ? 'liveness' : undefined
  return {
    started: hasStarted,
    ready: hasStarted && (asked.get('readiness')?.count.passing ?? true),
    live: failed === undefined,
    ...(failed && { failed }),
  }
}
