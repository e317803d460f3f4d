// volume-files.ts - writes a set of files so that whoever reads them sees all of the old or all of the new, never a mix
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'

export interface VolumeFile {
  data: Uint8Array
  mode: number
}

/** By path inside the volume. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>

/** The link that is swapped; a reader that opened files through it keeps the set that it opened. */
const DATA = '..data'
const HASH_LENGTH = 16

/** Kubernetes' layout: `name -> ..data/name`, `..data -> ..<set>`. Answers whether anything changed. */
export function writeVolumeFiles(dir: string, files: VolumeFiles, groupId?: number): boolean {
  const set = `..${hashOf(files)}`
  if (isLinkTo(join(dir, DATA), set)) return false
  const old = existsSync(join(dir, DATA)) ? readlinkSync(join(dir, DATA)) : undefined
  const folder = join(dir, set)
  // A half-written set of an earlier try.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const [path, file] of files) writeOne(join(folder, path), file, groupId)
  swapLink(join(dir, DATA), set)
  linkNames(dir, files)
  if (old !== undefined) rmSync(join(dir, old), { recursive: true, force: true })
  return true
}

function writeOne(path: string, { data, mode }: VolumeFile, groupId: number | undefined) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(path, data, { mode: 0o600 })
  if (groupId !== undefined && process.getuid?.() === 0) chownSync(path, 0, groupId)
  // Set afterwards: the process's umask must not take bits away.
  chmodSync(path, groupId === undefined ? mode : mode | 0o440)
}

function swapLink(link: string, target: string) {
  const aside = `${link}_tmp`
  rmSync(aside, { force: true })
  symlinkSync(target, aside)
  renameSync(aside, link)
}

function linkNames(dir: string, files: VolumeFiles) {
  const names = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))
  for (const name of names)
    if (!isLinkTo(join(dir, name), join(DATA, name))) swapLink(join(dir, name), join(DATA, name))
  for (const name of readdirSync(dir))
    if (!name.startsWith('..') && !names.has(name)) rmSync(join(dir, name), { force: true })
}

const isLinkTo = (path: string, target: string) => {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isSymbolicLink() === true && readlinkSync(path) === target
}

const hashOf = (files: VolumeFiles) =>
  sha256Hex(canonicalJson([...files].map(([path, { data, mode }]) => [path, mode, sha256Hex(data)]))).slice(
    0,
    HASH_LENGTH,
  )
