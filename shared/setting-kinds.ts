// setting-kinds.ts - the kinds of value that settings have, and how people write them
import { SettingError, type Setting } from './settings.ts'

const fail = (expected: string): never => {
  throw new SettingError(`expected ${expected}`)
}

export const text = (initial: string, help: string, more: { secret?: boolean } = {}): Setting<string> => ({
  help,
  initial,
  parse: (value) => value,
  ...more,
})

export const oneOf = <const T extends string>(
  allowed: readonly T[],
  initial: NoInfer<T>,
  help: string,
): Setting<T> => ({
  help,
  initial,
  parse: (value) => allowed.find((word) => word === value) ?? fail(`one of ${allowed.join(', ')}`),
})

export const flag = (initial: boolean, help: string): Setting<boolean> => ({
  help,
  initial,
  parse: (value) => {
    if (['', 'true', '1', 'yes', 'on'].includes(value)) return true
    if (['false', '0', 'no', 'off'].includes(value)) return false
    return fail('true or false')
  },
})

export const integer = (
  initial: number,
  help: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER } = {},
): Setting<number> => ({
  help,
  initial,
  parse: (value) => {
    const number = Number(value)
    return value.trim() !== '' && Number.isInteger(number) && number >= min && number <= max
      ? number
      : fail(`a whole number from ${min} to ${max}`)
  },
})

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** "10s", "1m30s", "250ms", "24h"; a bare number is seconds. */
export function parseDuration(value: string): number {
  const trimmed = value.trim()
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1000)
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) return fail('a duration such as 10s, 1m30s or 24h')
  const parts = trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)
  return Math.round([...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS_MS[unit ?? ''] ?? 0), 0))
}

/** In the largest unit that says it exactly: 60000 is "1m", 90000 is "90s". */
export function printDuration(ms: number): string {
  const unit = Object.entries(UNITS_MS).findLast(([, unitMs]) => ms % unitMs === 0)
  return unit && ms > 0 ? `${ms / unit[1]}${unit[0]}` : `${ms}ms`
}

export const duration = (initialMs: number, help: string): Setting<number> => ({
  help,
  initial: initialMs,
  parse: parseDuration,
  print: printDuration,
})

/** "a,b,c"; empty is none. */
export const list = (initial: readonly string[], help: string): Setting<readonly string[]> => ({
  help,
  initial,
  parse: (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
})

/** "a=b,c=d". */
export const pairs = (
  initial: Readonly<Record<string, string>>,
  help: string,
): Setting<Readonly<Record<string, string>>> => ({
  help,
  initial,
  parse: (value) =>
    Object.fromEntries(
      value
        .split(',')
        .filter((item) => item.trim() !== '')
        .map((item) => {
          const at = item.indexOf('=')
          return at > 0
            ? [item.slice(0, at).trim(), item.slice(at + 1).trim()]
            : fail('name=value pairs, separated by commas')
        }),
    ),
})

export interface ListenAddress {
  host: string
  port: number
}

/** "host:port", "[::1]:port" or a bare port. */
export function parseListen(value: string): ListenAddress {
  const match = /^(?:(?:\[(?<v6>[^\]]+)\]|(?<name>[^:]*)):)?(?<port>\d+)$/.exec(value.trim())?.groups
  const port = Number(match?.['port'] ?? fail('host:port, or a port'))
  if (port > 65_535) return fail('a port from 0 to 65535')
  return { host: match?.['v6'] ?? (match?.['name'] || '0.0.0.0'), port }
}

export const listen = (initial: string, help: string): Setting<ListenAddress> => ({
  help,
  initial: parseListen(initial),
  parse: parseListen,
  print: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
})
