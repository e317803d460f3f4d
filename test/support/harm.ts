// harm.ts - what flash, power cuts and people do to files: bits flip, ends and beginnings go, files vanish
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export function change(file: string, how: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(file)
  writeFileSync(file, how(bytes) ?? bytes)
}
export const fill = (from: number, to: number, value: number) => (bytes: Buffer) => void bytes.fill(value, from, to)
export const remove =
  (...names: string[]) =>
  (dir: string) =>
    names.forEach((name) => rmSync(join(dir, name)))
/** One bit of the first place where this text stands. */
export const flip = (text: string) => (bytes: Buffer) => {
  const at = bytes.indexOf(text)
  if (at < 0) throw new Error(`"${text}" is not where the test looks for it`)
  bytes.writeUInt8(bytes.readUInt8(at + text.length - 1) ^ 1, at + text.length - 1)
}
export const empty = (name: string) => (dir: string) => truncateSync(join(dir, name), 0)
