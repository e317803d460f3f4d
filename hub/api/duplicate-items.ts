// duplicate-items.ts - refuses what a manager applies when a list has two items of one key: which of them is meant, nobody knows
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Json, KubeObject } from '../../shared/kinds/object.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { isJsonObject, items, property } from '../../shared/kinds/schema-walk.ts'
import { badRequest } from '../../shared/kinds/status-error.ts'
import { describeStep, itemKey, listType, memberKey } from './field-set.ts'
import { asJson } from './managed-fields.ts'

/** A manifest with a thousand of them says enough with the first. */
const NAMED_MAX = 20

/** In upstream's words, but as a 400: upstream answers 500, and clients then send the same again and again. */
export function checkNoDuplicates(kind: Kind, applied: KubeObject, schema: Schema | undefined): void {
  const found = duplicatesIn(asJson(applied), schema, '').slice(0, NAMED_MAX)
  const [first, ...more] = found
  if (first === undefined) return
  const { namespace = '', name } = applied.metadata
  const what = `${namespace}/${name}; ${kind.group}/${kind.version}, Kind=${kind.kind}`
  const which = more.length === 0 ? first : ['errors:', ...found].join('\n  ')
  throw badRequest(`failed to create typed patch object (${what}): ${which}`)
}

function duplicatesIn(value: Json, schema: Schema | undefined, at: string): string[] {
  if (isJsonObject(value))
    return Object.entries(value).flatMap(([key, child]) => duplicatesIn(child, property(schema, key), `${at}.${key}`))
  if (!Array.isArray(value)) return []
  const seen = new Set<string>()
  return value.flatMap((item, index) => {
    const step = stepTo(item, index, schema)
    const isAgain = seen.has(step)
    seen.add(step)
    const below = duplicatesIn(item, items(schema), at + step)
    return isAgain ? [`${at}: duplicate entries for key ${step}`, ...below] : below
  })
}

function stepTo(item: Json, index: number, schema: Schema | undefined): string {
  const type = listType(schema)
  if (type === 'map') return describeStep(itemKey(item, schema))
  return type === 'set' ? describeStep(memberKey(item)) : `[${index}]`
}
