// plant.ts - has a planted fault put into the compiled product as it is loaded; nothing on the disk changes
import { register } from 'node:module'
import { PLANTED, type Planted } from './planted.ts'

export function plant(name: string): Planted {
  const planted = PLANTED.find((one) => one.name === name)
  if (!planted) throw new Error(`no fault is called "${name}": ${PLANTED.map((one) => one.name).join(', ')}`)
  register(new URL('./plant-hooks.js', import.meta.url), { data: planted.edits })
  return planted
}
