// config.ts - the agent's settings: what each is for and what it is when nobody says
import { flag, integer, list, oneOf, text } from '../shared/setting-kinds.ts'
import { SettingError, type ValuesOf } from '../shared/settings.ts'
import { isAddress } from './link/hub-address.ts'

export const agentSettings = {
  dataDir: text('/var/lib/holdfast-agent', 'folder for the identity, the cache and the volumes'),
  transport: oneOf(
    ['mqtt', 'websocket'],
    'mqtt',
    "mqtt: TLS on the hub's MQTT port; websocket: everything through its HTTPS port",
  ),
  hub: {
    ...list([], "addresses of the hub's HTTPS port, tried before those that the join token named: host or host:port"),
    parse: parseAddresses,
  },
  dockerHost: text(
    '',
    'socket of Docker or of Podman, unix:///... or tcp://...; "none" for no containers (default: the usual ones)',
  ),
  processRuntime: flag(true, 'offer plain processes (runtimeClassName: process)'),
  nodeName: text('', 'name to ask for when joining (default: the host name)'),
  hostPathAllowed: list(
    ['/data', '/srv', '/mnt', '/media', '/opt'],
    'folders that hostPath volumes may use; like the next two, nothing that the hub says changes it',
  ),
  hostNetworkAllowed: flag(true, "whether pods may use the device's own network"),
  privilegedAllowed: flag(true, 'whether pods may be privileged, add capabilities, or use hostPID and hostIPC'),
  logLevel: oneOf(['debug', 'info', 'warn', 'error'], 'info', 'how much is logged'),
  journalEntries: integer(10_000, 'what happened while offline: entries kept for the hub', {
    min: 100,
    max: 1_000_000,
  }),
} as const

function parseAddresses(text: string): readonly string[] {
  const addresses = list([], '').parse(text)
  const wrong = addresses.find((address) => !isAddress(address))
  if (wrong !== undefined) throw new SettingError(`expected host or host:port, not "${wrong}"`)
  return addresses
}

export type AgentConfig = ValuesOf<typeof agentSettings>
