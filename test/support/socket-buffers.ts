// socket-buffers.ts - what a kernel takes of a connection before anybody reads: what is sent beyond it waits with the sender
import { existsSync, readFileSync } from 'node:fs'

const ELSEWHERE_BYTES = 16 * 1024 * 1024

/** Of both ends of one connection on this machine, at most. */
export function socketBuffersBytesMax(): number {
  const files = ['rmem', 'wmem'].map((name) => `/proc/sys/net/ipv4/tcp_${name}`)
  if (!files.every(existsSync)) return ELSEWHERE_BYTES
  const most = files.map((file) => Number(readFileSync(file, 'utf8').trim().split(/\s+/).at(-1)))
  return most.reduce((sum, bytes) => sum + bytes)
}
