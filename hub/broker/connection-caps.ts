// connection-caps.ts - how many connections may stand, in all and per address before we know who it is
import type { Socket } from 'node:net'

export interface CapSettings {
  /** A device costs some 35 KiB with TLS. */
  total: number
  /** Strangers in the middle of a handshake: what they hold is lost memory. */
  strangers: number
  /** A whole site may stand behind one address. */
  strangersPerAddress: number
}

export const DEFAULT_CAPS: CapSettings = { total: 20_000, strangers: 2_048, strangersPerAddress: 512 }

/** The TLS socket and the TCP socket under it are two objects with the same far end. */
type FarEnd = Pick<Socket, 'remoteAddress' | 'remotePort'>

export interface ConnectionCaps {
  /** False: there is no room, close it. Otherwise counted until it closes or is known. */
  enter(socket: Socket): boolean
  /** It showed who it is and no longer counts as a stranger. */
  known(socket: FarEnd): void
}

export function createConnectionCaps(settings: CapSettings): ConnectionCaps {
  const strangers = new Map<string, string>()
  const perAddress = new Map<string, number>()
  let total = 0

  const forget = (key: string) => {
    const address = strangers.get(key)
    if (address === undefined) return
    strangers.delete(key)
    const left = (perAddress.get(address) ?? 1) - 1
    if (left > 0) perAddress.set(address, left)
    else perAddress.delete(address)
  }

  return {
    enter(socket) {
      const [key, address] = [keyOf(socket), socket.remoteAddress ?? '']
      const ofAddress = perAddress.get(address) ?? 0
      if (
        total >= settings.total ||
        strangers.size >= settings.strangers ||
        ofAddress >= settings.strangersPerAddress
      ) {
        return false
      }
      total++
      strangers.set(key, address)
      perAddress.set(address, ofAddress + 1)
      socket.once('close', () => {
        total--
        forget(key)
      })
      return true
    },
    known: (socket) => forget(keyOf(socket)),
  }
}

const keyOf = (socket: FarEnd): string => `${socket.remoteAddress} ${socket.remotePort}`
