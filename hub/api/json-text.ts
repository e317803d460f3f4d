// json-text.ts - the JSON text of stored objects, made once and shared by every get, list and watch
import type { Json, KubeObject } from '../../shared/kinds/object.ts'

const texts = new WeakMap<object, string>()

/** Only for objects that are never changed again, as stored ones are. */
export function jsonTextOf(object: KubeObject): string {
  let text = texts.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    texts.set(object, text)
  }
  return text
}

/** An answer whose JSON text is already there. */
export interface JsonText {
  readonly jsonText: string
}

export const isJsonText = (value: unknown): value is JsonText =>
  typeof value === 'object' && value !== null && 'jsonText' in value && typeof value.jsonText === 'string'

export const listText = (head: { [key: string]: Json }, items: readonly KubeObject[]): JsonText => ({
  jsonText: `${JSON.stringify(head).slice(0, -1)},"items":[${items.map(jsonTextOf).join(',')}]}`,
})
