// set-aside.ts - moves a store's file and its companions out of the way: what is left may still be of use to somebody
import { renameSync, statSync } from 'node:fs'

const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined

/** Under the first free name with this word; answers that name. */
export function setAside(path: string, word: string): string {
  let number = 1
  while (isThere(`${path}.${word}-${number}`)) number++
  const target = `${path}.${word}-${number}`
  for (const suffix of ['', '-wal', '-shm']) if (isThere(path + suffix)) renameSync(path + suffix, target + suffix)
  return target
}
