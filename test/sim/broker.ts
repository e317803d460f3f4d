// broker.ts - the hub's end of the simulated network, behind the port that the real broker stands behind
import type { Broker, BrokerHandlers, Connection } from '../../hub/broker/broker.ts'
import { UP, type UpTopic } from '../../shared/protocol/topics.ts'
import type { WireAttempt } from '../../agent/link/wire.ts'
import type { Chance } from './chance.ts'
import { GOODBYE, type Circuit, type End } from './network.ts'
import type { Timeline } from './timeline.ts'

export interface SimBroker extends Broker {
  /** A device has come through; answers its other end, or why not. */
  accept(circuit: Circuit, attempt: WireAttempt): End | string
  /** The process of the hub is gone, and with it its end of every connection. */
  crash(isPowerLoss: boolean): void
  connectionOf(node: string): Connection | undefined
}

export interface SimBrokerDeps {
  timeline: Timeline
  chance: Chance
  isAlive(): boolean
  fingerprintOf(node: string): string
  onHeard(node: string, what: UpTopic): void
  onClosed(node: string): void
}

/** A will may overtake the next hello of its device, or come after it. */
const WILL_AFTER_MS_MAX = 300

interface Seat {
  circuit: Circuit
  connection: Connection
  will: Buffer
  saidGoodbye: boolean
}

export function createSimBroker({ timeline, chance, isAlive, ...deps }: SimBrokerDeps): SimBroker {
  const seats = new Map<string, Seat>()
  const counters = { connections: 0, refusedConnections: 0, failedHandshakes: 0, breaches: 0 }
  let handlers: BrokerHandlers | undefined
  let isListening = false

  function leave(seat: Seat): void {
    const { connection, will } = seat
    if (seats.get(connection.node) === seat) seats.delete(connection.node)
    counters.connections--
    if (!isAlive()) return
    deps.onClosed(connection.node)
    handlers?.closed(connection)
    if (seat.saidGoodbye) return
    timeline.after(chance.between(0, WILL_AFTER_MS_MAX), () => {
      if (isAlive()) handlers?.message(connection, 'will', will)
    })
  }

  const endOf = (seat: Seat): End => ({
    receive(topic, payload) {
      if (!isAlive()) return
      if (topic === GOODBYE) return void (seat.saidGoodbye = true)
      const what = UP.find((word) => word === topic)
      if (!what) return
      deps.onHeard(seat.connection.node, what)
      handlers?.message(seat.connection, what, payload)
    },
    closed: () => leave(seat),
  })

  return {
    counters,
    port: 8883,
    use: (given) => void (handlers = given),
    start: () => void (isListening = true),
    stop() {
      isListening = false
      for (const { circuit } of [...seats.values()]) circuit.close('down', 'the hub stops')
    },
    publish(node, what, payload) {
      if (isAlive()) seats.get(node)?.circuit.send('down', what, payload, { mayDuplicate: true })
    },
    close(connection) {
      const seat = seats.get(connection.node)
      if (seat?.connection.id !== connection.id) return
      timeline.after(0, () => seat.circuit.close('down', 'closed by the hub'))
    },
    upgrade: () => {},
    accept(circuit, attempt) {
      if (!isListening || !isAlive() || !handlers) return 'connection refused'
      const { node } = circuit
      const connection = {
        node,
        keyFingerprint: deps.fingerprintOf(node),
        id: circuit.id,
        instance: attempt.instance,
        address: node,
      }
      const admission = handlers.admit(connection)
      if (!admission.ok) return `refused ${admission.why}`
      seats.get(node)?.circuit.close('down', 'another connection took its place')
      const seat: Seat = { circuit, connection, will: attempt.will, saidGoodbye: false }
      seats.set(node, seat)
      counters.connections++
      handlers.opened(connection)
      return endOf(seat)
    },
    crash(isPowerLoss) {
      isListening = false
      for (const { circuit } of [...seats.values()]) {
        if (isPowerLoss) circuit.goSilent()
        else circuit.close('down', 'connection reset')
      }
    },
    connectionOf: (node) => seats.get(node)?.connection,
  }
}
