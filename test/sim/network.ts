// network.ts - the network between the devices and the hub: slow, cut, half open, one way, repeating itself
import type { Timer } from '../../shared/clock.ts'
import type { Chance } from './chance.ts'
import type { Timeline } from './timeline.ts'

export type Direction = 'up' | 'down'

/** What one end of a connection hears. */
export interface End {
  receive(topic: string, payload: Buffer): void
  /** Once, and the last. */
  closed(why: string): void
}

/** One TCP connection: bytes arrive in order within a topic, or the connection breaks. */
export interface Circuit {
  readonly id: number
  readonly node: string
  send(
    direction: Direction,
    topic: string,
    payload: Buffer,
    options?: { mayDuplicate?: boolean; onArrival?(): void },
  ): void
  /** The other side learns it when the last byte has arrived, or never when nothing flows. */
  close(by: Direction, why: string): void
  /** It ends for both, each notices in its own time. */
  breakUp(why: string): void
  /** Nothing flows any more and nobody is told: a router forgot it, or a machine lost power. */
  goSilent(): void
}

export interface Network {
  /** Undefined at once when nobody can know; `onOpen` when the other side has been reached. */
  connect(node: string, ends: { agent: End; onReached(circuit: Circuit): End | string }): Circuit
  /** What flows between this node and the hub now. */
  setFlow(node: string, direction: Direction, flows: boolean): void
  /** Everything flows from now on, also what somebody had planned to cut. */
  healAll(): void
  circuits(node?: string): Circuit[]
  /** Times as slow as usual. */
  setSlowness(node: string, factor: number): void
  readonly inFlight: number
}

export interface NetworkDeps {
  timeline: Timeline
  chance: Chance
  latencyMs: number
  duplicateRate: number
  /** Of what goes down, single messages that a broker loses under load. */
  lossRate: number
}

/** A ping goes out every minute and its answer is waited for until the next one. */
const AGENT_NOTICES_MS = [60_000, 120_000] as const
/** One and a half times the ping's period, as MQTT says. */
const HUB_NOTICES_MS = 90_000

export const GOODBYE = 'goodbye'

interface Held {
  direction: Direction
  deliver(): void
}

export function createNetwork(deps: NetworkDeps): Network {
  const { timeline, chance } = deps
  const stopped = new Set<string>()
  const slowness = new Map<string, number>()
  const open = new Set<InnerCircuit>()
  let nextId = 1
  let inFlight = 0
  let isHealed = false

  const flows = (node: string, direction: Direction) => !stopped.has(`${node} ${direction}`)
  const delayMs = (node: string) => chance.heavyTailMs(deps.latencyMs) * (slowness.get(node) ?? 1)

  interface InnerCircuit extends Circuit {
    isSilent: boolean
    /** Looks whether pings come through. */
    watch(): void
    flush(): void
  }

  function connect(node: string, { agent, onReached }: Parameters<Network['connect']>[1]): Circuit {
    /** The hub's end counts as open from the start: the first packet is on its way to it. */
    const isOpen = { agent: true, hub: true }
    const lastArrival = new Map<string, number>()
    let hub: End | undefined
    let held: Held[] = []
    let isBroken = false
    let notices: Timer[] = []

    const endOf = (direction: Direction) => (direction === 'up' ? ('hub' as const) : ('agent' as const))
    const isFlowing = (direction: Direction) => !circuit.isSilent && flows(node, direction)
    const isWhole = () => isFlowing('up') && isFlowing('down')

    function closeEnd(end: 'agent' | 'hub', why: string): void {
      if (!isOpen[end]) return
      isOpen[end] = false
      if (!isOpen.agent && !isOpen.hub) {
        open.delete(circuit)
        for (const timer of notices) timer.cancel()
      }
      if (end === 'agent') agent.closed(why)
      else hub?.closed(why)
    }

    /** In order within a topic; what cannot flow waits, as TCP does. */
    function carry(direction: Direction, topic: string, deliver: () => void): void {
      const key = `${direction} ${topic}`
      const atMs = Math.max(timeline.nowMs + delayMs(node), lastArrival.get(key) ?? 0)
      lastArrival.set(key, atMs)
      inFlight++
      timeline.after(atMs - timeline.nowMs, () => {
        inFlight--
        arrive({ direction, deliver })
      })
    }
    /** The next one comes last. */
    function comeLast(direction: Direction): void {
      const latest = [...lastArrival].filter(([key]) => key.startsWith(direction)).map(([, atMs]) => atMs)
      lastArrival.set(`${direction} close`, Math.max(0, ...latest))
    }
    function arrive(one: Held): void {
      if (!isOpen[endOf(one.direction)]) return
      // What came later must not overtake what waits.
      if (!isFlowing(one.direction) || held.some(({ direction }) => direction === one.direction))
        return void held.push(one)
      one.deliver()
    }

    const circuit: InnerCircuit = {
      id: nextId++,
      node,
      isSilent: false,
      send(direction, topic, payload, { mayDuplicate = false, onArrival } = {}) {
        if (isBroken) return
        const receive = () => {
          const end = direction === 'up' ? hub : agent
          end?.receive(topic, payload)
          onArrival?.()
        }
        if (direction === 'down' && mayDuplicate && chance.is(deps.lossRate)) return
        carry(direction, topic, receive)
        if (mayDuplicate && chance.is(deps.duplicateRate)) carry(direction, topic, receive)
      },
      close(by, why) {
        const mine = endOf(by) === 'hub' ? 'agent' : 'hub'
        const other = endOf(by)
        if (!isOpen[mine]) return
        // An orderly end comes after everything that was said; a reset may overtake it.
        if (why === GOODBYE || chance.is(0.5)) comeLast(by)
        carry(by, 'close', () => closeEnd(other, why))
        isBroken = true
        closeEnd(mine, why)
      },
      breakUp(why) {
        if (isBroken) return
        isBroken = true
        for (const end of ['agent', 'hub'] as const) {
          timeline.after(chance.heavyTailMs(deps.latencyMs * 5), () => closeEnd(end, why))
        }
      },
      goSilent() {
        circuit.isSilent = true
        circuit.watch()
      },
      watch() {
        for (const timer of notices) timer.cancel()
        if (isWhole()) return void (notices = [])
        notices = [
          timeline.after(chance.between(...AGENT_NOTICES_MS), () => closeEnd('agent', 'no answer to a ping')),
          timeline.after(HUB_NOTICES_MS, () => closeEnd('hub', 'keepalive timeout')),
        ]
      },
      flush() {
        const waiting = held
        held = []
        for (const one of waiting) {
          if (isFlowing(one.direction)) timeline.after(0, () => arrive(one))
          else held.push(one)
        }
      },
    }
    open.add(circuit)
    carry('up', 'connect', () => {
      const answer = onReached(circuit)
      if (typeof answer === 'string') {
        isBroken = true
        isOpen.hub = false
        return void carry('down', 'connect', () => closeEnd('agent', answer))
      }
      hub = answer
      carry('down', 'connect', () => agent.receive('connack', Buffer.alloc(0)))
    })
    circuit.watch()
    return circuit
  }

  const circuitsOf = (node?: string) => [...open].filter((circuit) => node === undefined || circuit.node === node)
  const changed = (node: string) => {
    for (const circuit of circuitsOf(node)) {
      circuit.flush()
      circuit.watch()
    }
  }
  return {
    get inFlight() {
      return inFlight
    },
    connect,
    setFlow(node, direction, isFlowing) {
      const key = `${node} ${direction}`
      if (stopped.has(key) !== isFlowing || isHealed) return
      if (isFlowing) stopped.delete(key)
      else stopped.add(key)
      changed(node)
    },
    healAll() {
      isHealed = true
      stopped.clear()
      slowness.clear()
      for (const node of new Set([...open].map((circuit) => circuit.node))) changed(node)
    },
    circuits: circuitsOf,
    setSlowness: (node, factor) => void slowness.set(node, factor),
  }
}
