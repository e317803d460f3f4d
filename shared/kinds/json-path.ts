// json-path.ts - the simple JSONPath of Kubernetes: .spec.size, .status.conditions[?(@.type=="Ready")].status, .a['b.c'][0]
import type { Json } from './object.ts'

/** Longer than any column's path, so that a hostile one costs nothing. */
const PATH_LENGTH_MAX = 1_024
/** `[*][*][*]` over long lists multiplies: nobody reads more in a cell. */
const VALUES_MAX = 100

type Step = { do: 'key'; key: string } | { do: 'all' } | { do: 'filter'; path: readonly string[]; equals: string }

const TOKEN =
  /\.((?:\\\.|[\w-])+)|\[(\d+)\]|\[['"]([^'"\]]+)['"]\]|(?:\.\*|\[\*\])|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"'\]]*)["']\)\]/y

/** Undefined for a path that is not of this simple kind. */
export function parseJsonPath(text: string): readonly Step[] | undefined {
  const path = text.replace(/^\{(.*)\}$/, '$1')
  if (path === '' || path.length > PATH_LENGTH_MAX) return undefined
  const steps: Step[] = []
  for (let at = 0; at < path.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(path)
    if (!match) return undefined
    const [, dotted, index, quoted, filter, equals = ''] = match
    const key = dotted?.replaceAll('\\.', '.') ?? index ?? quoted
    if (key !== undefined) steps.push({ do: 'key', key })
    else if (filter !== undefined) steps.push({ do: 'filter', path: filter.split('.'), equals })
    else steps.push({ do: 'all' })
  }
  return steps
}

/** Every value that the path leads to. */
export function valuesAt(root: unknown, steps: readonly Step[]): Json[] {
  let current: unknown[] = [root]
  for (const step of steps) current = current.flatMap((value) => follow(value, step)).slice(0, VALUES_MAX)
  // What lies in a stored object is JSON; undefined was left behind on the way.
  return current as Json[]
}

function follow(value: unknown, step: Step): unknown[] {
  switch (step.do) {
    case 'key':
      return child(value, step.key)
    case 'all':
      return typeof value === 'object' && value !== null ? Object.values(value) : []
    case 'filter':
      return Array.isArray(value)
        ? value.filter(
            (item) => String(step.path.reduce<unknown>((at, key) => child(at, key)[0], item)) === step.equals,
          )
        : []
  }
}

function child(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return []
  const found: unknown = Reflect.get(value, key)
  return found === undefined ? [] : [found]
}
