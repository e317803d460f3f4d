// fence.ts - the process that outlives the agent, in a run: reads its orders once a second and kills past the engine
import type { FenceDeps } from '../../agent/fence/fence.ts'
import type { LifeClock } from './machine-clock.ts'

export interface SimFence {
  /** What the agent is given. */
  readonly port: Pick<FenceDeps, 'boot' | 'process' | 'whyNot'>
  /** The device starts anew: time since boot begins, and what was told lay in memory. */
  boot(): void
}

export interface SimFenceDeps {
  /** Of the machine. */
  clock: LifeClock
  isOn(): boolean
  isAgentAlive(): boolean
  kill(containerId: string, signal: 'SIGTERM' | 'SIGKILL'): void
}

const TURN_MS = 1_000

export function createSimFence({ clock, isOn, isAgentAlive, kill }: SimFenceDeps): SimFence {
  let bootMs = clock.monoMs()
  let boots = 1
  let orders: string | undefined
  let isRunning = false
  let told = new Set<string>()
  const nowMs = () => Math.floor(clock.monoMs() - bootMs)

  /** Word for word what the shell script does in one turn. */
  function turn(ofBoot: number): void {
    if (ofBoot !== boots || !isOn()) return
    if (orders === undefined) {
      isRunning = false
      return
    }
    const now = Math.floor(nowMs() / 1000)
    for (const line of orders.split('\n')) {
      const [kind, id = '', stopAt, killAt] = line.split(' ')
      if (kind !== 'docker') continue
      if (now >= Number(killAt)) kill(id, 'SIGKILL')
      else if (now >= Number(stopAt) && !isAgentAlive() && !told.has(id)) {
        told.add(id)
        kill(id, 'SIGTERM')
      }
    }
    clock.after(TURN_MS, () => turn(ofBoot))
  }

  return {
    port: {
      boot: { nowMs, bootId: () => `boot-${boots}` },
      process: {
        orders: () => orders,
        order: (text) => void (orders = text),
        ensure() {
          if (isRunning) return
          isRunning = true
          const ofBoot = boots
          clock.after(0, () => turn(ofBoot))
        },
      },
      whyNot: () => undefined,
    },
    boot() {
      bootMs = clock.monoMs()
      boots++
      orders = undefined
      isRunning = false
      told = new Set()
    },
  }
}
