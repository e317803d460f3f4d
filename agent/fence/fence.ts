// fence.ts - keeps the leases of pods that may run only once: who may run until when, and orders for the fence in case we die
import type { Clock, Timer } from '../../shared/clock.ts'
import { deadlinesOf, isFenced } from '../../shared/disconnect-policy.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import type { Log } from '../../shared/log.ts'
import type { JournalAck } from '../../shared/protocol/messages.ts'
import type { Service } from '../../shared/service.ts'
import type { BootClock } from './boot-clock.ts'
import { fenceText, readTenures, type FenceRuntime, type Tenure } from './fence-text.ts'
import type { FenceProcess } from './fence-process.ts'

export interface FenceDeps {
  /** All that the hub wants here. */
  pods(): readonly Pod[]
  boot: BootClock
  process: FenceProcess
  agent: { pid: number; startTicks: string }
  /** Why it cannot kill what this runtime runs; undefined when it can. */
  whyNot(runtime: FenceRuntime): string | undefined
  clock: Clock
  log: Log
}

export interface Fence extends Service {
  /** A beat goes out now: what the hub says about it counts from here. */
  sending(session: number, seq: number): void
  granted(session: number, lease: NonNullable<JournalAck['lease']>): void
  /** Beats must not be rarer than this, or leases would run out between them. */
  beatEveryMsMax(): number
  mayRun(pod: Pod): boolean
  /** This container of the pod is about to start. Throws when the fence cannot be told, or could not kill it. */
  hold(pod: Pod, runtime: FenceRuntime, id: string): void
  /** All that there is of it now, as far as it has not ended. */
  sees(pod: Pod, runtime: FenceRuntime, ids: readonly string[]): void
  /** Nothing of it is left. */
  forget(podUid: string): void
  /** It may run now, or may no longer. */
  onChange(listener: (podUid: string) => void): () => void
}

/** Also how late the agent itself notices; the fence is as patient. */
const LOOK_EVERY_MS = 1_000
/** Beats whose answer may still be on its way. */
const SENDS_KEPT = 32
/** Renewals in the time after which a pod stops. */
const RENEWALS = 4

export function createFence(deps: FenceDeps): Fence {
  const { boot, clock, log } = deps
  const tenures = new Map<string, Tenure>()
  /** As listeners were last told. */
  const allowed = new Set<string>()
  const listeners = new Set<(podUid: string) => void>()
  let sends: { session: number; seq: number; atMs: number }[] = []
  let timer: Timer | undefined
  let trouble = ''

  const isLeased = ({ sentMs, stopAfterMs }: Tenure) => boot.nowMs() < sentMs + stopAfterMs

  /** Throws when the fence cannot be told, or does not run. */
  function write(): void {
    const all = [...tenures.values()]
    const { agent } = deps
    deps.process.order(all.length > 0 ? fenceText({ bootId: boot.bootId(), agent, tenures: all }) : undefined)
    ensure()
  }

  function ensure(): void {
    if ([...tenures.values()].some(({ containers }) => containers.length > 0)) deps.process.ensure()
  }

  /** Orders that are not renewed are stricter than the truth: what runs may end too early, never too late. */
  function tryTo(act: () => void): void {
    try {
      act()
      trouble = ''
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message !== trouble) log.error({ error }, 'the fence cannot be told what it needs to know')
      trouble = message
    }
  }

  function look(): void {
    for (const [podUid, tenure] of tenures) {
      if (isLeased(tenure) === allowed.has(podUid)) continue
      if (!allowed.delete(podUid)) allowed.add(podUid)
      else log.warn({ podUid }, 'the hub has not been heard for too long: what may run only once stops')
      for (const listener of listeners) listener(podUid)
    }
  }

  const tenureOf = (pod: Pod): Tenure => {
    const { stopAtMs, killAtMs } = deadlinesOf(pod, 0)
    const { uid: podUid } = pod.metadata
    const { sentMs, containers } = tenures.get(podUid) ?? { sentMs: -killAtMs, containers: [] }
    return { podUid, sentMs, stopAfterMs: stopAtMs, killAfterMs: killAtMs, containers }
  }

  const renew = (tenure: Tenure, atMs: number) =>
    tenures.set(tenure.podUid, { ...tenure, sentMs: Math.max(tenure.sentMs, atMs) })

  /** What is no longer wanted and has nothing running needs no lease. */
  function dropIdle(wanted: ReadonlySet<string>): void {
    for (const [podUid, { containers }] of tenures) if (containers.length === 0 && !wanted.has(podUid)) drop(podUid)
  }
  function drop(podUid: string): boolean {
    allowed.delete(podUid)
    return tenures.delete(podUid)
  }

  return {
    start() {
      // After a restart of the agent: deadlines go on. After one of the device: nothing may run before the hub is heard.
      for (const tenure of readTenures(deps.process.orders() ?? '', boot.bootId())) tenures.set(tenure.podUid, tenure)
      tryTo(write)
      look()
      timer = clock.every(LOOK_EVERY_MS, () => {
        look()
        // Somebody may have killed it; while we live, it lives.
        tryTo(ensure)
      })
    },
    /** What runs goes on, and so does the fence. */
    stop: () => timer?.cancel(),
    sending(session, seq) {
      sends = [...sends, { session, seq, atMs: boot.nowMs() }].slice(-SENDS_KEPT)
    },
    granted(session, { seq, pods, renewed = [] }) {
      const atMs = sends.find((sent) => sent.session === session && sent.seq === seq)?.atMs
      if (atMs === undefined) return
      const wanted = new Map(fencedPods().map((pod) => [pod.metadata.uid, pod]))
      dropIdle(new Set(wanted.keys()))
      for (const uid of pods) {
        const pod = wanted.get(uid)
        if (!pod) continue
        renew(tenureOf(pod), atMs)
      }
      for (const uid of renewed) {
        const tenure = tenures.get(uid)
        if (tenure && atMs < tenure.sentMs + tenure.stopAfterMs) renew(tenure, atMs)
      }
      tryTo(write)
      look()
    },
    beatEveryMsMax: () => Math.min(...fencedPods().map((pod) => deadlinesOf(pod, 0).stopAtMs / RENEWALS)),
    mayRun(pod) {
      if (!isFenced(pod)) return true
      const tenure = tenures.get(pod.metadata.uid)
      return tenure !== undefined && isLeased(tenure)
    },
    hold(pod, runtime, id) {
      if (!isFenced(pod)) return
      const why = deps.whyNot(runtime)
      if (why) throw new Error(`what may run only once cannot run here: ${why}`)
      const tenure = tenureOf(pod)
      const others = tenure.containers.filter((container) => container.id !== id)
      tenures.set(tenure.podUid, { ...tenure, containers: [...others, { id, runtime }] })
      write()
    },
    sees(pod, runtime, ids) {
      if (!isFenced(pod)) return
      const tenure = tenureOf(pod)
      const isNews =
        tenure.containers
          .map(({ id }) => id)
          .toSorted()
          .join() !== ids.toSorted().join()
      if (!isNews) return
      tenures.set(tenure.podUid, { ...tenure, containers: ids.map((id) => ({ id, runtime })) })
      tryTo(write)
    },
    forget(podUid) {
      if (drop(podUid)) tryTo(write)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }

  function fencedPods(): Pod[] {
    return deps.pods().filter(isFenced)
  }
}
