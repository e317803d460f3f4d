// volumes.ts - makes a pod's volumes on the device, keeps their files up to date and takes them away with the pod
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statfsSync } from 'node:fs'
import { join, sep } from 'node:path'
import { sha256Hex } from '../../shared/hash.ts'
import type { Log } from '../../shared/log.ts'
import type { Pod, Volume, VolumeMount } from '../../shared/kinds/object.ts'
import { bytes } from '../../shared/quantity.ts'
import type { Mount } from '../runtime/runtime.ts'
import { expand } from './expand.ts'
import { hostPath, type HostPathPolicy } from './host-path.ts'
import { containersOf, type PodContainer } from './pod-shape.ts'
import { volumeContent, VolumeError, type VolumeContext } from './volume-content.ts'
import { writeVolumeFiles } from './volume-files.ts'

export interface VolumesDeps {
  /** The agent's own folder. */
  dataDir: string
  policy: HostPathPolicy
  log: Log
  /** A folder in memory; found by itself when absent. */
  memoryDir?: string
}

export interface Volumes {
  /** Makes what is missing and writes what has changed. Throws VolumeError. */
  prepare(pod: Pod, context: VolumeContext): void
  /** Throws VolumeError. */
  mounts(pod: Pod, container: PodContainer, env: ReadonlyMap<string, string>): Mount[]
  /** Where runtimes keep what the pod's programs say about their ends. */
  messageFolder(podUid: string): string
  clean(podUid: string): void
  /** Uids of the pods that have something here. */
  known(): string[]
}

/** The type that statfs says of a tmpfs. */
const TMPFS = 0x01021994
const SHARED_MEMORY = '/dev/shm'

export function createVolumes({ dataDir, policy, log, memoryDir = findMemoryDir(dataDir) }: VolumesDeps): Volumes {
  const disk = join(dataDir, 'pods')
  const roots = memoryDir === undefined ? [disk] : [disk, memoryDir]
  const folderOf = (pod: Pod, volume: Volume) => {
    const root = isInMemory(volume) ? (memoryDir ?? disk) : disk
    return join(root, safeUid(pod.metadata.uid), 'volumes', safeName(volume.name))
  }

  const prepareOne = (pod: Pod, volume: Volume, context: VolumeContext) => {
    if (volume.hostPath) return void hostPath(volume.hostPath.path, volume.hostPath.type, policy, dataDir)
    const files = volumeContent(volume, context)
    if (!files && !volume.emptyDir) throw new VolumeError(`volumes of this kind are not supported: ${kindOf(volume)}`)
    const folder = folderOf(pod, volume)
    // Nobody else on the device may look into the parents; what is mounted has its own mode.
    for (const root of roots) if (folder.startsWith(root)) mkdirSync(root, { recursive: true, mode: 0o700 })
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    const groupId = pod.spec.securityContext?.fsGroup
    if (!files) return chmodSync(folder, 0o777)
    if (writeVolumeFiles(folder, files, groupId))
      log.debug({ pod: pod.metadata.uid, volume: volume.name }, 'volume written')
  }

  return {
    prepare(pod, context) {
      for (const volume of pod.spec.volumes ?? []) {
        try {
          prepareOne(pod, volume, context)
        } catch (error) {
          throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(error)}`)
        }
      }
    },
    mounts(pod, container, env) {
      return (container.spec.volumeMounts ?? []).map((mount) => {
        const volume = pod.spec.volumes?.find(({ name }) => name === mount.name)
        if (!volume)
          throw new VolumeError(
            `container ${container.name} mounts volume "${mount.name}", which the pod does not have`,
          )
        if (isOwnTmpfs(pod, volume)) return tmpfsMount(volume, mount)
        const source = volume.hostPath
          ? hostPath(volume.hostPath.path, volume.hostPath.type, policy, dataDir)
          : folderOf(pod, volume)
        const subPath = mount.subPathExpr ? expand(mount.subPathExpr, (name) => env.get(name)) : mount.subPath
        const readOnly = mount.readOnly === true || isReadOnly(volume)
        return {
          type: 'bind',
          source: subPath ? below(source, subPath, readOnly) : source,
          target: mount.mountPath,
          readOnly,
        }
      })
    },
    messageFolder: (podUid) => join(disk, safeUid(podUid), 'messages'),
    clean(podUid) {
      for (const root of roots) {
        try {
          rmSync(join(root, safeUid(podUid)), { recursive: true, force: true })
        } catch (error) {
          // Such as files of another user under an agent that is not root: the pod is gone all the same.
          log.warn({ podUid, error }, 'a volume could not be removed')
        }
      }
    },
    known: () =>
      [...new Set(roots.flatMap((root) => (existsSync(root) ? readdirSync(root) : [])))].filter((name) =>
        PLAIN.test(name),
      ),
  }
}

/** Names become folders: what is not a plain name is refused, whoever sent it. */
const PLAIN = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,252}[A-Za-z0-9])?$/
const safe = (what: string) => (text: string) => {
  if (!PLAIN.test(text)) throw new VolumeError(`${JSON.stringify(text)} is no ${what}`)
  return text
}
const safeUid = safe('pod uid')
const safeName = safe('volume name')

const kindOf = (volume: Volume) =>
  Object.keys(volume)
    .filter((key) => key !== 'name')
    .join(', ') || 'none'
const isInMemory = (volume: Volume) =>
  volume.secret !== undefined || hasSecret(volume) || volume.emptyDir?.medium === 'Memory'
const hasSecret = (volume: Volume) => (volume.projected?.sources ?? []).some(({ secret }) => secret !== undefined)
const isReadOnly = ({ configMap, secret, projected, downwardAPI }: Volume) =>
  [configMap, secret, projected, downwardAPI].some((source) => source !== undefined)

/** With a limit and one user the kernel can keep the limit; several containers need one folder that they share. */
const isOwnTmpfs = (pod: Pod, volume: Volume) =>
  volume.emptyDir?.medium === 'Memory' &&
  volume.emptyDir.sizeLimit !== undefined &&
  containersOf(pod).filter(({ spec }) => spec.volumeMounts?.some(({ name }) => name === volume.name)).length === 1

const tmpfsMount = (volume: Volume, { mountPath, readOnly = false }: VolumeMount): Mount => ({
  type: 'tmpfs',
  source: '',
  target: mountPath,
  readOnly,
  sizeBytes: bytes(volume.emptyDir?.sizeLimit),
})

/** The real path of what is inside; a link that a workload has put there must not lead out. */
function below(source: string, subPath: string, readOnly: boolean): string {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.')
  if (subPath.startsWith('/') || parts.includes('..') || subPath.includes('\0'))
    throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume`)
  const root = realpathSync(source)
  let path = root
  for (const part of parts) {
    const next = join(path, part)
    if (!existsSync(next) && !readOnly) mkdirSync(next, { mode: 0o777 })
    if (!existsSync(next)) throw new VolumeError(`failed to prepare subPath "${subPath}": it does not exist`)
    path = realpathSync(next)
    if (path !== root && !path.startsWith(root + sep))
      throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume`)
  }
  return path
}

/** Undefined on a device without. */
export function findMemoryDir(dataDir: string): string | undefined {
  if (!existsSync(SHARED_MEMORY) || statfsSync(SHARED_MEMORY).type !== TMPFS) return undefined
  return join(SHARED_MEMORY, `holdfast-${sha256Hex(dataDir).slice(0, 12)}`)
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
