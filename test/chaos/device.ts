// device.ts - an agent and what chaos can do to it: each act leaves a device that `heal` and `healDisk` make whole
import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Chance } from '../sim/chance.ts'
import type { AgentProcess } from '../support/agent-process.ts'
import type { SmallDisk } from '../support/small-disk.ts'
import { wrongClock } from '../support/wrong-clock.ts'
import type { DiskTrouble } from './disks.ts'

export interface Device {
  readonly agent: AgentProcess
  kill(): Promise<void>
  /** Also of one that hangs, or does not run. */
  restart(): Promise<void>
  hang(): void
  goOn(): void
  /** Bytes of its store are not what they were, when it starts again. */
  damage(chance: Chance): Promise<void>
  /** What a card does that has lied about the last writes. */
  loseLog(): Promise<void>
  /** It starts again in another year; right again with the next start. */
  loseTime(faketime: string, chance: Chance): Promise<void>
  readonly diskTroubles: readonly DiskTrouble[]
  /** Not one that is read-only. */
  fillDisk(): void
  /** As after a power cut on a card that takes nothing any more: what the agent opens from now on cannot be written. */
  makeDiskReadOnly(): Promise<void>
  /** Everything but its disk. */
  heal(): Promise<void>
  /** While it runs: nobody tells it. */
  healDisk(): void
}

export interface DeviceDeps {
  agent: AgentProcess
  /** A file of which it sees the time there, when its clock is wrong. */
  momentFile: string
  /** Where its data are, if it has one of its own. */
  disk?: SmallDisk
}

const FLIPS_MAX = 64
/** A device without a battery, one that somebody has set wrong, and one that is a little behind. */
const MOMENTS = ['@1970-01-01 00:00:10', '@2036-06-01 00:00:00', '-1h']

export function createDevice({ agent, momentFile, disk }: DeviceDeps): Device {
  let isUp = true
  let isOnTime = true
  const troubles = new Set<DiskTrouble>()
  const store = join(agent.dataDir, 'cache/agent.sqlite')
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    if (isUp) process.kill(agent.pid, name)
  }
  const kill = async () => {
    await agent.kill9()
    isUp = false
  }
  const restart = async (environment: Readonly<Record<string, string>> = {}) => {
    await agent.restart(environment)
    isUp = true
    isOnTime = Object.keys(environment).length === 0
  }
  /** Also a card that takes nothing may lose something. */
  const harm = async (work: () => void) => {
    await kill()
    disk?.setReadOnly(false)
    work()
    disk?.setReadOnly(troubles.has('read-only'))
    await restart()
  }
  return {
    ...{ agent, kill },
    restart: () => restart(),
    hang: () => signal('SIGSTOP'),
    goOn: () => signal('SIGCONT'),
    damage: (chance) =>
      harm(() => {
        for (let flips = chance.between(1, FLIPS_MAX); flips > 0; flips--) flipByte(store, chance)
      }),
    loseLog: () => harm(() => rmSync(`${store}-wal`, { force: true })),
    async loseTime(faketime, chance) {
      writeFileSync(momentFile, chance.pick(MOMENTS))
      await restart(wrongClock(faketime, momentFile))
    },
    get diskTroubles() {
      return [...troubles]
    },
    fillDisk() {
      if (!disk) return
      disk.fill()
      troubles.add('full')
    },
    async makeDiskReadOnly() {
      if (!disk) return
      troubles.add('read-only')
      await kill()
      disk.setReadOnly(true)
      await restart()
    },
    async heal() {
      agent.host?.heal()
      signal('SIGCONT')
      if (!isUp || !isOnTime) await restart()
    },
    healDisk() {
      disk?.setReadOnly(false)
      disk?.clear()
      troubles.clear()
    },
  }
}

function flipByte(path: string, chance: Chance): void {
  if (!existsSync(path)) return
  const at = chance.between(0, statSync(path).size - 1)
  const file = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, at)
  byte.writeUInt8(byte.readUInt8() ^ (1 << chance.between(0, 7)))
  writeSync(file, byte, 0, 1, at)
  closeSync(file)
}
