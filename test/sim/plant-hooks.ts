// plant-hooks.ts - Node's hook for loading modules, in its own thread: hands out some of them with a fault in them
import type { InitializeHook, LoadHook } from 'node:module'
import type { Edit } from './planted.ts'

let edits: readonly Edit[] = []

export const initialize: InitializeHook<readonly Edit[]> = (given) => void (edits = given)

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  const mine = edits.filter(({ file }) => url.endsWith(`/dist/${file}`))
  if (mine.length === 0 || !loaded.source) return loaded
  return { ...loaded, source: mine.reduce(edited, Buffer.from(loaded.source as Uint8Array).toString('utf8')) }
}

/** A fault that does not fit any more must be planted anew: it may not pass as one that was not found. */
export function edited(source: string, { file, find, put, all }: Edit): string {
  const places = source.split(find).length - 1
  if (places === 0 || (places > 1 && !all))
    throw new Error(`"${find}" is ${places} times in ${file}: the planted fault no longer fits`)
  return source.replaceAll(find, () => put)
}
