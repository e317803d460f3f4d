// parse-body.ts - bytes to a typed message, at the edge and only there
import * as v from 'valibot'

export type Parsed<T> = { ok: true; value: T } | { ok: false; why: string }

/** Longest complaint that is passed on: it may quote what a hostile peer sent. */
const WHY_CHARACTERS_MAX = 200

export function parseBody<S extends v.GenericSchema>(schema: S, body: Uint8Array): Parsed<v.InferOutput<S>> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'))
  } catch (error) {
    return { ok: false, why: String(error).slice(0, WHY_CHARACTERS_MAX) }
  }
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return { ok: true, value: result.output }
  const [issue] = result.issues
  return { ok: false, why: `${v.getDotPath(issue) ?? ''}: ${issue.message}`.slice(0, WHY_CHARACTERS_MAX) }
}
