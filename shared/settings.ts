// settings.ts - where a program's settings come from: flags, environment, file, default; each value knows its origin
export interface Setting<T> {
  readonly help: string
  readonly initial: T
  /** Throws with what is expected when the text is not that. */
  parse(text: string): T
  /** As somebody would have typed it, where String() does not say that. */
  print?(value: T): string
  /** Shown as "(set)" where settings are printed. */
  readonly secret?: boolean
}

export type Settings = Readonly<Record<string, Setting<unknown>>>
export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

export type Origin = { from: 'flag' | 'environment' | 'file' | 'default'; name: string }
export interface Resolved<S extends Settings> {
  values: ValuesOf<S>
  origins: { readonly [K in keyof S]: Origin }
}

export interface Sources {
  flags: Readonly<Record<string, string>>
  environment: Readonly<Record<string, string | undefined>>
  /** The parsed configuration file, and its name for messages. */
  file?: { name: string; content: unknown }
  readFile(path: string): string
}

export class SettingError extends Error {
  override readonly name = 'SettingError'
}

export const flagOf = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
export const variableOf = (key: string): string => `HOLDFAST_${flagOf(key).replaceAll('-', '_').toUpperCase()}`

export function resolveSettings<S extends Settings>(settings: S, sources: Sources): Resolved<S> {
  const file = fileEntries(settings, sources.file)
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const [key, setting] of Object.entries(settings)) {
    const found = lookUp(key, sources, file)
    values[key] = found ? parseNamed(setting, found.text, found.origin) : setting.initial
    origins[key] = found?.origin ?? { from: 'default', name: 'default' }
  }
  // The loop above has filled exactly the keys of S with what their own parsers return.
  return { values, origins } as Resolved<S>
}

function lookUp(key: string, { flags, environment, readFile }: Sources, file: FileEntries) {
  const flag = flags[flagOf(key)]
  if (flag !== undefined) return { text: flag, origin: { from: 'flag', name: `--${flagOf(key)}` } as const }
  const variable = variableOf(key)
  const direct = environment[variable]
  if (direct !== undefined) return { text: direct, origin: { from: 'environment', name: variable } as const }
  const path = environment[`${variable}_FILE`]
  if (path !== undefined) {
    const origin = { from: 'environment', name: `${variable}_FILE` } as const
    return { text: readNamed(path, readFile, origin.name), origin }
  }
  const text = file.entries.get(key)
  return text === undefined ? undefined : { text, origin: { from: 'file', name: file.name } as const }
}

function readNamed(path: string, readFile: Sources['readFile'], name: string): string {
  try {
    return readFile(path).replace(/\r?\n$/, '')
  } catch (error) {
    throw new SettingError(`${name} names ${path}, which cannot be read: ${messageOf(error)}`)
  }
}

function parseNamed(setting: Setting<unknown>, text: string, origin: Origin): unknown {
  try {
    return setting.parse(text)
  } catch (error) {
    const shown = setting.secret ? 'its value' : JSON.stringify(text)
    throw new SettingError(`${origin.name} (${origin.from}): ${shown} is not right: ${messageOf(error)}`)
  }
}

interface FileEntries {
  name: string
  entries: ReadonlyMap<string, string>
}

function fileEntries(settings: Settings, file: Sources['file']): FileEntries {
  if (!file || file.content == null) return { name: '', entries: new Map() }
  if (typeof file.content !== 'object' || Array.isArray(file.content)) {
    throw new SettingError(`${file.name} must hold "setting: value" lines`)
  }
  const entries = new Map<string, string>()
  for (const [key, value] of Object.entries(file.content)) {
    if (!(key in settings)) {
      const known = Object.keys(settings).sort().join(', ')
      throw new SettingError(`${file.name}: there is no setting "${key}"; the settings are ${known}`)
    }
    if (value !== null) entries.set(key, asText(value))
  }
  return { name: file.name, entries }
}

function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(',')
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${asText(inner)}`)
    .join(',')
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** One line a setting: its value and where it came from, aligned. */
export function printSettings<S extends Settings>(settings: S, { values, origins }: Resolved<S>): string {
  const shown = (key: string) => {
    const value: unknown = values[key]
    const setting = settings[key]
    if (setting?.secret) return value ? '(set)' : ''
    return setting?.print?.(value) ?? asText(value)
  }
  const rows = Object.keys(settings).map((key) => ({ key, value: shown(key), from: origins[key]?.name ?? '' }))
  const width = (pick: (row: (typeof rows)[number]) => string) => Math.max(...rows.map((row) => pick(row).length))
  const [keyWidth, valueWidth] = [width((row) => row.key), width((row) => row.value)]
  return rows
    .map(({ key, value, from }) => `${`${key}:`.padEnd(keyWidth + 1)} ${value.padEnd(valueWidth)}  # ${from}`)
    .join('\n')
}
