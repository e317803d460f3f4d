// durable-file.ts - small files that are whole after a power cut: written aside, fsynced, renamed
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { sha256Hex } from '../../shared/hash.ts'

/** Only the agent reads what it keeps: desired state holds secrets. */
const MODE = 0o600

export function writeDurably(file: string, bytes: Uint8Array): void {
  const aside = `${file}.new`
  const handle = openSync(aside, 'w', MODE)
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(handle, bytes, written)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(aside, file)
  syncFolder(dirname(file))
}

/** Undefined when there is none. */
export function readIfThere(file: string): Buffer | undefined {
  return existsSync(file) ? readFileSync(file) : undefined
}

/** A value with its own checksum, for files that nothing else vouches for. */
export function sealed(value: unknown): Buffer {
  const text = JSON.stringify(value)
  return Buffer.from(`${sha256Hex(text)}\n${text}\n`)
}

/** Undefined when the bytes are not what `sealed` made. */
export function unsealed(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString('utf8')
  const end = text.indexOf('\n')
  const body = text.slice(end + 1, -1)
  if (end < 0 || sha256Hex(body) !== text.slice(0, end)) return undefined
  return JSON.parse(body)
}

/** How many damaged files are kept for people to look at; a device that damages one a day must not fill its disk. */
const SET_ASIDE_MAX = 3

/** Moves the file and its companions to a name of their own; answers the new name. */
export function setAside(file: string, companions: readonly string[] = []): string {
  let number = 1
  while (number < SET_ASIDE_MAX && existsSync(`${file}.damaged-${number}`)) number++
  const target = `${file}.damaged-${number}`
  for (const suffix of ['', ...companions]) {
    rmSync(target + suffix, { force: true })
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix)
  }
  syncFolder(dirname(file))
  return target
}

function syncFolder(folder: string) {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
