// check-device.ts - can this device run workloads: a runtime that answers, room on its disk
import { access, constants, statfs } from 'node:fs/promises'
import { diskAvailableMinBytes } from '../../shared/disk-pressure.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { fail, messageOf, note, pass, type Check } from './check.ts'

/** The cache and logs need some ten megabytes; an image seldom fits into less than this. */
const DISK_WANTED_BYTES = 500 * 1024 * 1024
const DISK_NEEDED_BYTES = 50 * 1024 * 1024

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`

export async function checkRuntimes(runtimes: readonly Runtime[]): Promise<Check[]> {
  const checks = await Promise.all(runtimes.map(checkRuntime))
  const containers = runtimes.some(({ name }) => name === 'docker')
  if (containers) return checks
  const mend =
    'install Docker (docker.io) or Podman (with its API socket) for containers, or name the socket with --docker-host'
  const none = 'neither Docker nor Podman has a socket here'
  return [
    ...checks,
    checks.length > 0
      ? note('containers', `${none}: only plain processes will run`, mend)
      : fail('containers', none, mend),
  ]
}

async function checkRuntime(runtime: Runtime): Promise<Check> {
  const name = runtime.name === 'docker' ? 'the container engine answers' : 'plain processes'
  try {
    const { version } = await runtime.info()
    return pass(name, version)
  } catch (error) {
    return fail(name, messageOf(error), 'start it (systemctl start docker), or see that this user may use its socket')
  }
}

export async function checkDisk(folder: string): Promise<Check> {
  const name = 'room on the disk'
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    const free = bavail * bsize
    const mend = `free some space, or move the data folder with --data-dir`
    if (free < DISK_NEEDED_BYTES) return fail(name, `only ${megabytes(free)} free for ${folder}`, mend)
    if (free < diskAvailableMinBytes(blocks * bsize))
      return note(
        name,
        `${megabytes(free)} free for ${folder}: under disk pressure the hub places nothing new here`,
        mend,
      )
    if (free >= DISK_WANTED_BYTES) return pass(name, `${megabytes(free)} free for ${folder}`)
    return note(name, `${megabytes(free)} free for ${folder}: images may not fit`, mend)
  } catch (error) {
    return fail(name, messageOf(error), 'create the folder, or choose another with --data-dir')
  }
}

/** A card that wears out, or a file system with errors, is mounted read-only by the kernel itself. */
export async function checkWritable(folder: string): Promise<Check[]> {
  try {
    await access(folder, constants.W_OK)
    return []
  } catch (error) {
    const mend =
      'what runs goes on from memory, and what is new is gone with the power: look at dmesg and the mount, replace the card'
    return [fail('the disk takes writes', messageOf(error), mend)]
  }
}
