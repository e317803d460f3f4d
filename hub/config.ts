// config.ts - the hub's settings: what each is for and what it is when nobody says
import { duration, flag, integer, list, listen, oneOf, text } from '../shared/setting-kinds.ts'
import type { ValuesOf } from '../shared/settings.ts'

export const hubSettings = {
  dataDir: text('/var/lib/holdfast-hub', 'folder for the store, the keys and the kubeconfig'),
  apiListen: listen('0.0.0.0:6443', 'where the API, enrolment and MQTT over WebSocket listen (HTTPS)'),
  mqttListen: listen('0.0.0.0:8883', 'where agents connect (MQTT over TLS)'),
  advertise: list([], 'names and addresses under which devices reach this hub; the first goes into join tokens'),
  advertiseApiPort: integer(
    0,
    'port of the API as devices see it, when a forwarder stands between (0: the one it listens on)',
    { max: 65_535 },
  ),
  advertiseMqttPort: integer(0, 'port of MQTT as devices see it (0: the one it listens on)', { max: 65_535 }),
  kubeconfig: text('', 'where the admin and viewer kubeconfig is written (default: kubeconfig in the data folder)'),
  logLevel: oneOf(['debug', 'info', 'warn', 'error'], 'info', 'how much is logged'),
  beatEvery: duration(10_000, 'time between the heartbeats of a device'),
  meteredBeatEvery: duration(30_000, 'the same for devices with the label holdfast.dev/profile=metered'),
  unreachableToleration: duration(
    60_000,
    'how long pods stay bound to a device that is not reachable, unless they say otherwise',
  ),
  autoRebalance: flag(false, 'move pods by itself to devices that came back or joined, where that spreads them better'),
  rebalancePerHour: integer(6, 'pods that are moved by itself in an hour at most', { min: 1, max: 1_000 }),
  watchHistory: integer(8_192, 'changes kept in memory for clients that resume a watch', { min: 128, max: 1_000_000 }),
  eventTtl: duration(3_600_000, 'how long events are kept; warnings stay for a day at least'),
  acceptLoss: flag(
    false,
    'start from what is left of a damaged store, once you have decided that nothing better can be restored',
  ),
} as const

export type HubConfig = ValuesOf<typeof hubSettings>
