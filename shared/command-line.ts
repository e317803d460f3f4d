// command-line.ts - turns a program's arguments into the flags of its settings; `--name value`, `--name=value`, `--name`
import { parseArgs } from 'node:util'
import { flagOf, SettingError, type Settings } from './settings.ts'

export interface CommandLine {
  flags: Readonly<Record<string, string>>
  config: string | undefined
  wantsHelp: boolean
  wantsVersion: boolean
  wantsConfig: boolean
  positionals: readonly string[]
}

export function parseCommandLine(settings: Settings, args: readonly string[]): CommandLine {
  const names = Object.keys(settings).map(flagOf)
  // A switch may stand alone: `--insecure` is `--insecure=true`.
  const isSwitch = (name: string) =>
    Object.entries(settings).some(([key, s]) => flagOf(key) === name && typeof s.initial === 'boolean')
  const complete = args.map((arg) => (arg.startsWith('--') && isSwitch(arg.slice(2)) ? `${arg}=true` : arg))
  const options = {
    config: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
    'print-config': { type: 'boolean' },
  } as const
  const own = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    const { values, positionals } = parseArgs({
      args: [...complete],
      options: { ...own, ...options },
      allowPositionals: true,
    })
    const flags = Object.entries(values).flatMap(([name, value]) =>
      names.includes(name) && typeof value === 'string' ? [[name, value] as const] : [],
    )
    return {
      flags: Object.fromEntries(flags),
      config: values.config,
      wantsHelp: values.help === true,
      wantsVersion: values.version === true,
      wantsConfig: values['print-config'] === true,
      positionals,
    }
  } catch (error) {
    throw new SettingError(error instanceof Error ? error.message.split('. ')[0] : String(error))
  }
}

export function helpText(usage: string, settings: Settings): string {
  const rows = Object.entries(settings).map(([key, setting]) => [`--${flagOf(key)}`, setting.help] as const)
  const fixed = [
    ['--config FILE', 'read settings from this YAML file'],
    ['--print-config', 'show every setting with its value and where it came from'],
    ['--version', 'show the version'],
  ] as const
  const width = Math.max(...[...rows, ...fixed].map(([name]) => name.length))
  const lines = [...rows, ...fixed].map(([name, help]) => `  ${name.padEnd(width)}  ${help}`)
  return [
    usage,
    '',
    ...lines,
    '',
    'Each setting is also an environment variable (--log-level is HOLDFAST_LOG_LEVEL, or',
    'HOLDFAST_LOG_LEVEL_FILE for a file that holds it) and a line of the file (logLevel). Flags win over the',
    'environment, the environment over the file.',
  ].join('\n')
}
