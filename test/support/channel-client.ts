// channel-client.ts - a WebSocket client as kubectl, Python and browsers are: subprotocols, and a channel byte before all bytes
import { WebSocket } from 'ws'
import { deferred } from '../../shared/deferred.ts'
import type { TestHub } from './test-hub.ts'

export interface ChannelClient {
  readonly ws: WebSocket
  readonly protocol: string
  send(channel: number, data: string | Uint8Array): void
  messages(channel: number): readonly Buffer[]
  /** All bytes of a channel so far. */
  text(channel: number): string
  bytes(channel: number): Buffer
  /** Resolves with the close code. */
  readonly closed: Promise<number>
}

export interface Refusal {
  code: number
  message: string
}

export async function openChannels(
  hub: Pick<TestHub, 'url' | 'caPem' | 'tokens'>,
  path: string,
  { token = hub.tokens.admin, protocols = ['v5.channel.k8s.io'] }: { token?: string; protocols?: string[] } = {},
): Promise<ChannelClient> {
  const ws = new WebSocket(hub.url.replace(/^http/, 'ws') + path, protocols, {
    ca: hub.caPem,
    headers: { authorization: `Bearer ${token}` },
  })
  const opened = deferred()
  const closed = deferred<number>()
  const channels = new Map<number, Buffer[]>()
  ws.on('message', (data) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from('')
    const channel = bytes[0] ?? -1
    channels.set(channel, [...(channels.get(channel) ?? []), bytes.subarray(1)])
  })
  ws.on('unexpected-response', (_request, response) => {
    let text = ''
    response.on('data', (data) => (text += String(data)))
    response.on('end', () =>
      opened.reject(Object.assign(new Error(JSON.parse(text).message), { code: response.statusCode })),
    )
  })
  ws.on('open', () => opened.resolve())
  ws.on('error', (error) => opened.reject(error))
  ws.on('close', (code) => closed.resolve(code))
  await opened.promise
  return {
    ws,
    protocol: ws.protocol,
    send: (channel, data) => ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)])),
    messages: (channel) => channels.get(channel) ?? [],
    text: (channel) => Buffer.concat(channels.get(channel) ?? []).toString(),
    bytes: (channel) => Buffer.concat(channels.get(channel) ?? []),
    closed: closed.promise,
  }
}
