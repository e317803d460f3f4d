// facts.ts - what does not change while a device runs, read once at start
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import * as os from 'node:os'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import type { NodeFacts } from '../../shared/protocol/messages.ts'

export interface FactsDeps {
  clock: Clock
  /** The file system that the agent lives on. */
  dataDir: string
}

const ADDRESSES_MAX = 16

export async function readFacts({ clock, dataDir }: FactsDeps): Promise<NodeFacts> {
  const disk = await statfs(dataDir)
  const hostname = os.hostname()
  return {
    hostname,
    machineId: firstLine('/etc/machine-id') ?? sha256Hex(macs().join() || hostname).slice(0, 32),
    bootId: firstLine('/proc/sys/kernel/random/boot_id') ?? `uptime-${Math.round(clock.wallMs() / 1000 - os.uptime())}`,
    os: os.platform(),
    osImage: `${os.type()} ${os.release()}`,
    kernel: os.release(),
    architecture: goArchitecture(os.arch()),
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    addresses: [
      ...addresses().map((address) => ({ type: 'InternalIP' as const, address })),
      { type: 'Hostname', address: hostname },
    ],
  }
}

/** The names that images and Kubernetes use. */
const goArchitecture = (arch: string) =>
  ({ x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386', riscv64: 'riscv64', ppc64: 'ppc64le', s390x: 's390x' })[
    arch
  ] ?? arch

const interfaces = () => Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
const macs = () =>
  interfaces()
    .filter(({ internal }) => !internal)
    .map(({ mac }) => mac)
    .toSorted()

/** Version 4 first: it is what others most likely reach. Link-local ones are of no use without their interface. */
function addresses(): string[] {
  const outside = interfaces().filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  const sorted = outside.toSorted((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
  return [...new Set(sorted.map(({ address }) => address))].slice(0, ADDRESSES_MAX)
}

function firstLine(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  return readFileSync(file, 'utf8').split('\n')[0]?.trim() || undefined
}
