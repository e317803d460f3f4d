// daemon.ts - the container engine of one device: outlives the agent, restarts, fails, and knows why each container ended
import {
  ImageError,
  RuntimeUnavailable,
  StartError,
  type ContainerSpec,
  type ObservedContainer,
  type Runtime,
  type RuntimeEvent,
} from '../../agent/runtime/runtime.ts'
import type { FakeBehaviour } from '../support/fake-container.ts'
import { createFakeRuntime } from '../support/fake-runtime.ts'
import type { Chance } from './chance.ts'
import type { LifeClock } from './machine-clock.ts'
import type { Neighbours } from './neighbours.ts'
import type { Timeline } from './timeline.ts'

/** Why a container does not run any more: of itself, on our order, or because the ground was taken away. */
export type EndCause = 'itself' | 'ordered' | 'daemon' | 'power' | 'removed' | 'fence'

export interface DaemonEvents {
  started(container: ObservedContainer): void
  ended(container: ObservedContainer, cause: EndCause): void
  /** The agent is about to stop or take away something that runs. */
  ordered(what: string, container: ObservedContainer): void
  /** Somebody else's. */
  touched(what: string, id: string): void
}

export interface DaemonRates {
  pullFails: number
  startFails: number
  /** The engine did it, and its answer was lost. */
  answerLost: number
  eventLost: number
}

export interface Daemon {
  /** As one process of the agent sees it. */
  facade(life: LifeClock): Runtime
  containers(): readonly ObservedContainer[]
  specOf(id: string): ContainerSpec | undefined
  readonly rates: DaemonRates
  /** The engine restarts; with `live restore` containers go on meanwhile. */
  goDown(containersEnd: boolean): void
  comeUp(): void
  /** Past the engine: the kernel always answers. */
  fell(id: string, signal: 'SIGTERM' | 'SIGKILL'): void
  losePower(containersGone: boolean): void
  readonly isUp: boolean
}

export interface DaemonDeps {
  neighbours: Neighbours
  timeline: Timeline
  chance: Chance
  /** Of the machine, not of any process of the agent. */
  clock: LifeClock
  behaviourOf(spec: ContainerSpec): FakeBehaviour
  events: DaemonEvents
  images: readonly string[]
}

const ANSWER_MS = 8
const EVENT_MS = 5
const PULL_MS = 2_000

export function createDaemon(deps: DaemonDeps): Daemon {
  const { timeline, chance, clock, behaviourOf, neighbours, events, images } = deps
  const engine = createFakeRuntime({ clock, images: [] })
  const running = new Map<string, ObservedContainer>()
  const ordered = new Set<string>()
  const felled = new Set<string>()
  const rates: DaemonRates = { pullFails: 0, startFails: 0, answerLost: 0, eventLost: 0 }
  const listeners = new Set<(event: RuntimeEvent) => void>()
  let cause: EndCause | undefined
  let isUp = true
  let powerCuts = 0

  for (const image of images) engine.images.pullable(image)
  engine.onEvent((event) => {
    if (event.kind === 'changed') look(event.id)
    // The fake tells synchronously, from inside of calls: whoever listens over a socket hears it a little later.
    for (const listener of listeners) listener(event)
  })

  /** Compares with what ran a moment ago. */
  function look(id: string): void {
    const now = engine.containers().find((one) => one.id === id)
    const before = running.get(id)
    if (now?.state === 'running' && !before) {
      running.set(id, now)
      events.started(now)
    } else if (now?.state !== 'running' && before) {
      running.delete(id)
      events.ended(now ?? before, cause ?? (felled.has(id) ? 'fence' : ordered.has(id) ? 'ordered' : 'itself'))
    }
  }
  const because = <T>(why: EndCause, work: () => T): T => {
    cause = why
    try {
      return work()
    } finally {
      cause = undefined
    }
  }

  function facade(life: LifeClock): Runtime {
    let lastEventMs = 0
    let isListening = false
    const mine = new Set<(event: RuntimeEvent) => void>()
    const relay = (event: RuntimeEvent) => {
      if (life.isDead) return void listeners.delete(relay)
      if (event.kind === 'changed' && chance.is(rates.eventLost)) return
      lastEventMs = Math.max(lastEventMs, timeline.nowMs + chance.heavyTailMs(EVENT_MS))
      timeline.after(lastEventMs - timeline.nowMs, () => {
        if (!life.isDead) for (const listener of mine) listener(event)
      })
    }
    /** Over a socket: the engine acts later, also when who asked is dead by then; a dead one hears no answer. */
    const ask = <T>(work: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const asked = powerCuts
        timeline.after(chance.heavyTailMs(ANSWER_MS), () => {
          if (asked !== powerCuts) return
          const isLost = chance.is(rates.answerLost)
          work().then(
            (answer) => {
              if (life.isDead) return
              if (!isLost) return resolve(answer)
              reject(new RuntimeUnavailable('the connection was reset'))
            },
            (error: unknown) => {
              if (!life.isDead) reject(error)
            },
          )
        })
      })
    const find = (id: string) => engine.containers().find((one) => one.id === id)
    /** Does to a container what is asked; nobody may ask it of somebody else's. */
    const act = <T>(what: string, id: string, work: () => Promise<T>) => {
      if (neighbours.has(id)) events.touched(what, id)
      return ask(work)
    }
    const create = async (spec: ContainerSpec) => {
      engine.behave((candidate) => candidate === spec, behaviourOf(spec))
      const id = await engine.createContainer(spec)
      // One of the same name made from something else has to make room.
      for (const [gone, container] of running) {
        if (find(gone)) continue
        events.ordered('remove', container)
        look(gone)
      }
      return id
    }
    return {
      name: 'docker',
      start() {
        if (!isListening) listeners.add(relay)
        isListening = true
        relay({ kind: 'relist' })
      },
      stop() {
        listeners.delete(relay)
        mine.clear()
      },
      onEvent(listener) {
        mine.add(listener)
        return () => void mine.delete(listener)
      },
      info: () => ask(() => engine.info()),
      list: () => ask(async () => neighbours.oursOf(await engine.list())),
      inspect: (id) => ask(async () => neighbours.find(id, await engine.inspect(id))),
      findImage: (image) => ask(() => engine.findImage(image)),
      pull: (request) =>
        new Promise((resolve, reject) => {
          request.signal.addEventListener(
            'abort',
            () => reject(new ImageError('ErrImagePull', 'the pull was cancelled')),
            {
              once: true,
            },
          )
          timeline.after(chance.heavyTailMs(PULL_MS), () => {
            if (life.isDead) return
            if (chance.is(rates.pullFails))
              return reject(
                new ImageError(chance.pick(['ErrImagePull', 'RegistryUnavailable']), 'no route to the registry'),
              )
            engine.pull(request).then(resolve, reject)
          })
        }),
      createContainer: (spec) => ask(() => create(spec)),
      createSandbox: (spec) => ask(() => engine.createSandbox(spec)),
      startContainer: (id) =>
        act('start', id, async () => {
          if (isUp && find(id)?.state !== 'running' && chance.is(rates.startFails))
            throw new StartError('RunContainerError', 'the engine says: out of something')
          return engine.startContainer(id)
        }),
      signalContainer: (id, signal) =>
        act(signal, id, async () => {
          const target = find(id)
          if (isUp && target?.state === 'running') {
            events.ordered(signal, target)
            ordered.add(id)
          }
          return engine.signalContainer(id, signal)
        }),
      removeContainer: (id, options) =>
        act('remove', id, async () => {
          const target = find(id)
          if (isUp && target?.state === 'running') events.ordered('remove', target)
          return because('removed', () => engine.removeContainer(id, options))
        }),
      logs: (id, request, out, err) => engine.logs(id, request, out, err),
      exec: (id, request) => ask(() => engine.exec(id, request)),
      attach: (id, request) => engine.attach(id, request),
      dial: (id, port) => engine.dial(id, port),
      usage: (ids) => ask(() => engine.usage(ids)),
    }
  }

  return {
    facade,
    rates,
    get isUp() {
      return isUp
    },
    containers: () => engine.containers(),
    specOf: (id) => engine.spec(id),
    goDown(containersEnd) {
      isUp = false
      engine.setAvailable(false)
      if (containersEnd) because('daemon', () => endAll())
    },
    comeUp() {
      isUp = true
      engine.setAvailable(true)
    },
    fell(id, signal) {
      if (neighbours.has(id)) events.touched(signal, id)
      if (engine.containers().find((one) => one.id === id)?.state !== 'running') return
      felled.add(id)
      engine.fell(id, signal)
    },
    losePower(containersGone) {
      powerCuts++
      because('power', () => engine.reboot(containersGone ? 'gone' : 'exited'))
      running.clear()
      isUp = false
      engine.setAvailable(false)
    },
  }

  function endAll(): void {
    for (const { id, state } of engine.containers()) if (state === 'running') engine.exit(id, ENGINE_STOPPED_EXIT)
  }
}

/** What Docker shows of containers that its own stop has killed. */
const ENGINE_STOPPED_EXIT = 137
