// wire.ts - the device's end of the simulated network, behind the port that MQTT stands behind
import type { CloseReason, Connect, WireAttempt } from '../../agent/link/wire.ts'
import { DOWN } from '../../shared/protocol/topics.ts'
import type { LifeClock } from './machine-clock.ts'
import { GOODBYE, type Circuit, type End, type Network } from './network.ts'

export interface WireDeps {
  network: Network
  node: string
  life: LifeClock
  /** The hub as it is when the first packet gets there. */
  reach(circuit: Circuit, attempt: WireAttempt): End | string
  /** A desired state has come through, whoever sent it. */
  onState(payload: Buffer): void
  onAck(): void
}

const CONNECT_WITHIN_MS = 30_000
const ID_BYTES = 4

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

export function createWire({ network, node, life, reach, onState, onAck }: WireDeps): Connect {
  return (attempt, handlers) => {
    const waiting = new Map<number, Waiting>()
    let isOver = false
    let isOpen = false
    let nextId = 1

    const over = (reason: CloseReason, isTold = true) => {
      if (isOver || life.isDead) return
      isOver = true
      timeout.cancel()
      for (const { reject } of waiting.values()) reject(new Error(reason.message))
      waiting.clear()
      if (isTold) handlers.onClose(reason)
    }
    const receive = (topic: string, payload: Buffer) => {
      if (isOver || life.isDead) return
      if (topic === 'connack') {
        isOpen = true
        timeout.cancel()
        return handlers.onOpen()
      }
      if (topic === 'puback') {
        const id = payload.readUInt32BE()
        waiting.get(id)?.resolve()
        return void waiting.delete(id)
      }
      const what = DOWN.find((word) => word === topic)
      if (what === 'state') onState(payload)
      if (what === 'ack') onAck()
      if (what) handlers.onMessage(what, payload)
    }
    const circuit = network.connect(node, {
      agent: { receive, closed: (why) => over(reasonOf(why)) },
      onReached: (reached) => reach(reached, attempt),
    })
    const drop = (message: string) => {
      circuit.close('up', 'connection reset')
      over({ kind: 'network', message })
    }
    const timeout = life.after(CONNECT_WITHIN_MS, () => drop('connack timeout'))

    return {
      publish: (what, payload, qos) =>
        new Promise((resolve, reject) => {
          if (life.isDead) return
          if (isOver || !isOpen) return reject(new Error('there is no connection'))
          if (qos === 0) {
            circuit.send('up', what, payload)
            return resolve()
          }
          const id = Buffer.alloc(ID_BYTES)
          id.writeUInt32BE(nextId)
          waiting.set(nextId++, { resolve, reject })
          circuit.send('up', what, payload, { mayDuplicate: true, onArrival: () => circuit.send('down', 'puback', id) })
        }),
      end() {
        circuit.send('up', GOODBYE, Buffer.alloc(0))
        circuit.close('up', GOODBYE)
        over({ kind: 'network', message: 'the link was stopped' }, false)
        return Promise.resolve()
      },
      drop: () => drop('dropped by us'),
    }
  }
}

function reasonOf(message: string): CloseReason {
  const word = /^refused (\w+)$/.exec(message)?.[1]
  const kind = (['duplicate', 'identity', 'busy'] as const).find((one) => one === word) ?? 'network'
  return { kind, message }
}
