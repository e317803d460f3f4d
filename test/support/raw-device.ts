// raw-device.ts - a device without agent: one MQTT connection that says exactly what a test wants
import { createMqttConnect } from '../../agent/link/connect.ts'
import { createHubPlaces } from '../../agent/link/hub-places.ts'
import type { Identity } from '../../agent/link/identity.ts'
import { sealWill } from '../../agent/link/uplink.ts'
import type { CloseReason, Wire } from '../../agent/link/wire.ts'
import { deferred } from '../../shared/deferred.ts'
import { canonicalJson } from '../../shared/hash.ts'
import type { Dictionary } from '../../shared/protocol/dictionary.ts'
import { seal } from '../../shared/protocol/envelope.ts'
import type { DownTopic, UpTopic } from '../../shared/protocol/topics.ts'
import { facts } from './fleet-rig.ts'

export interface RawDevice {
  wire: Wire
  closed: Promise<CloseReason>
  down: { what: DownTopic; payload: Buffer }[]
  send(what: UpTopic, message: object, dictionary?: Dictionary): Promise<void>
  hello(rest?: object): Promise<void>
  beat(): Promise<void>
}

/** Resolves when the hub has let it in. */
export async function rawDevice(identity: Identity, { session = 1, instance = 'raw' } = {}): Promise<RawDevice> {
  const [opened, closed] = [deferred<void>(), deferred<CloseReason>()]
  const down: RawDevice['down'] = []
  const wire = createMqttConnect(identity, createHubPlaces(identity), { transport: 'mqtt' })(
    { instance, will: sealWill(identity.nodeName, session) },
    {
      onOpen: () => opened.resolve(),
      onMessage: (what, payload) => void down.push({ what, payload }),
      onClose: closed.resolve,
    },
  )
  await opened.promise
  const send = (what: UpTopic, message: object, dictionary?: Dictionary) => {
    const topic = `hf/1/${identity.nodeName}/${what}`
    return wire.publish(
      what,
      seal({ topic, body: Buffer.from(canonicalJson({ type: what, session, ...message })), dictionary }),
      1,
    )
  }
  const empty = { held: { epoch: 0, revision: 0 }, runtimes: [], labels: {}, statusDigest: '' }
  const measured = { e: 0, r: 0, cpu: 1, mem: 1, disk: 1, load: 1, up: 1 }
  let seq = 0
  return {
    wire,
    closed: closed.promise,
    down,
    send,
    beat: () => send('beat', { seq: seq++, ...measured }),
    hello: (rest = {}) =>
      send('hello', { protocol: 1, agentVersion: '1', instance, facts: facts(), ...empty, ...rest }),
  }
}
