// check-hub.ts - is the hub there, and is it ours: name, port, certificate authority, token, clock
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { Clock } from '../../shared/clock.ts'
import { humanDuration } from '../../shared/human-duration.ts'
import type { JoinToken } from '../../shared/protocol/join-token.ts'
import { checkToken, fetchCa, hubWallMs, isCaOf, JoinRefused } from '../link/enrol-client.ts'
import { splitAddress } from '../link/hub-address.ts'
import { fail, messageOf, note, pass, type Check } from './check.ts'

const CONNECT_WITHIN_MS = 8_000
/** Certificates carry no dates that matter, so a wrong clock only makes logs and events hard to read. */
const SKEW_NOTED_MS = 60_000

export async function checkAddress(address: string): Promise<Check[]> {
  const { host, port } = splitAddress(address)
  const resolved = await checkName(host)
  return resolved.result === 'FAIL' ? [resolved] : [resolved, await checkPort(host, port, 'API')]
}

async function checkName(host: string): Promise<Check> {
  const name = "the hub's name resolves"
  try {
    const found = await lookup(host, { all: true })
    return pass(name, `${host} is ${found.map(({ address }) => address).join(', ')}`)
  } catch (error) {
    return fail(
      name,
      messageOf(error),
      `mend DNS on this device, add ${host} to /etc/hosts, or use a token made with --hub <address>:<port>`,
    )
  }
}

/** How the device talks to the hub once it has joined. */
export type Transport = 'mqtt' | 'websocket'

/** Over WebSocket all goes through the API port, which has been tried by then. */
export async function checkMqtt(host: string, port: number, transport: Transport): Promise<Check[]> {
  return transport === 'mqtt' ? [await checkPort(host, port, 'MQTT', ', or use --transport websocket')] : []
}

function checkPort(host: string, port: number, what: string, orElse = ''): Promise<Check> {
  const name = `the hub's ${what} port can be reached`
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_WITHIN_MS })
    const end = (check: Check) => {
      socket.destroy()
      resolve(check)
    }
    const mend = `open port ${port} to ${host} in the firewalls between, and see that the hub runs${orElse}`
    socket.once('connect', () => end(pass(name, `${host}:${port} answers`)))
    socket.once('timeout', () =>
      end(fail(name, `${host}:${port} does not answer within ${CONNECT_WITHIN_MS / 1000} s`, mend)),
    )
    socket.once('error', (error) => end(fail(name, error.message, mend)))
  })
}

/** The secret is not sent before this has passed. */
export async function checkAuthority(address: string, isOurs: (caPem: string) => boolean): Promise<Check> {
  const name = 'the hub is the one that we were told'
  try {
    const ca = await fetchCa(address)
    if (isOurs(ca)) return pass(name, 'the fingerprint of its CA matches')
    return fail(
      name,
      'it shows another CA',
      'something stands between, or the token is of another hub: make a new token on the right one',
    )
  } catch (error) {
    return fail(
      name,
      messageOf(error),
      'see that this is the address of the hub itself, without a proxy that opens TLS',
    )
  }
}

/** And what only the hub that takes the token tells: at which port it expects the device. */
export async function checkJoinToken(address: string, token: JoinToken, transport: Transport): Promise<Check[]> {
  const name = 'the token is good'
  try {
    const { usesLeft, expiresInMs, mqttPort } = await checkToken(address, token)
    return [
      pass(name, `${usesLeft} ${usesLeft === 1 ? 'use' : 'uses'} left, expires in ${humanDuration(expiresInMs)}`),
      ...(mqttPort === undefined ? [] : await checkMqtt(splitAddress(address).host, mqttPort, transport)),
    ]
  } catch (error) {
    const mend =
      error instanceof JoinRefused ? 'make a new one: `holdfast token create`' : 'try again when the hub answers'
    return [fail(name, messageOf(error), mend)]
  }
}

/** Shown, never fatal. */
export async function checkClock(address: string, clock: Clock): Promise<Check> {
  const name = 'the clock'
  try {
    const skewMs = clock.wallMs() - (await hubWallMs(address))
    if (Math.abs(skewMs) < SKEW_NOTED_MS) return pass(name, 'agrees with the hub')
    const direction = skewMs < 0 ? 'behind' : 'ahead of'
    const mend = 'nothing breaks, but times in logs and events will be wrong: set up NTP'
    return note(name, `${humanDuration(Math.abs(skewMs))} ${direction} the hub's`, mend)
  } catch (error) {
    return note(name, `could not be compared: ${messageOf(error)}`)
  }
}

export const fitsToken = (token: JoinToken) => (caPem: string) => isCaOf(token, caPem)
