// spdy-client.ts - a small SPDY/3.1 client, as kubectl's is: over an upgraded connection, or inside WebSocket messages
import { request } from 'node:https'
import { constants, createDeflate } from 'node:zlib'
import { WebSocket } from 'ws'
import { SPDY_DICTIONARY } from '../../hub/api/streams/spdy/dictionary.ts'
import { CONTROL, controlFrame, createFrameReader, dataFrame, uint32s } from '../../hub/api/streams/spdy/frame-codec.ts'
import { deferred } from '../../shared/deferred.ts'
import type { TestHub } from './test-hub.ts'

interface Wire {
  write(bytes: Buffer): void
  onBytes(listener: (bytes: Buffer) => void): void
  onClose(listener: () => void): void
  close(): void
}

export interface SpdyClient {
  /** Opens a stream; its id. */
  open(headers: Record<string, string>): Promise<number>
  write(id: number, data: string | Buffer): void
  end(id: number): void
  text(id: number): string
  /** Whether the server has ended its side of the stream, or reset it. */
  isEnded(id: number): boolean
  raw(bytes: Buffer): void
  readonly closed: Promise<void>
  close(): void
}

export async function spdyOverUpgrade(hub: TestHub, path: string, protocol = 'v4.channel.k8s.io'): Promise<SpdyClient> {
  const wire = deferred<Wire>()
  const upgrade = request(hub.url + path, {
    method: 'POST',
    ca: hub.caPem,
    agent: false,
    headers: {
      authorization: `Bearer ${hub.tokens.admin}`,
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': protocol,
    },
  })
  upgrade.on('upgrade', (_response, socket, head) => {
    if (head.length > 0) socket.unshift(head)
    wire.resolve({
      write: (bytes) => void socket.write(bytes),
      onBytes: (listener) => void socket.on('data', listener),
      onClose: (listener) => void socket.on('close', listener),
      close: () => void socket.destroy(),
    })
    socket.on('error', () => socket.destroy())
  })
  upgrade.on('response', (response) => {
    let text = ''
    response.on('data', (data) => (text += String(data)))
    response.on('end', () =>
      wire.reject(Object.assign(new Error(JSON.parse(text).message), { code: response.statusCode })),
    )
  })
  upgrade.on('error', (error) => wire.reject(error))
  upgrade.end()
  return createClient(await wire.promise)
}

export async function spdyOverWebSocket(hub: TestHub, path: string): Promise<SpdyClient> {
  const opened = deferred()
  const ws = new WebSocket(hub.url.replace('https', 'wss') + path, {
    ca: hub.caPem,
    headers: { authorization: `Bearer ${hub.tokens.admin}`, 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' },
  })
  // The library refuses a subprotocol that it did not ask for itself, and this one's slash is no character it would ask with.
  ws.on('upgrade', (response) => delete response.headers['sec-websocket-protocol'])
  ws.on('open', () => opened.resolve())
  ws.on('error', (error) => opened.reject(error))
  await opened.promise
  return createClient({
    write: (bytes) => ws.send(bytes),
    onBytes: (listener) => void ws.on('message', (data) => listener(Buffer.isBuffer(data) ? data : Buffer.alloc(0))),
    onClose: (listener) => void ws.on('close', listener),
    close: () => ws.terminate(),
  })
}

function createClient(wire: Wire): SpdyClient {
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, flush: constants.Z_SYNC_FLUSH })
  const read = createFrameReader()
  const texts = new Map<number, string>()
  const ended = new Set<number>()
  const closed = deferred()
  let nextId = 1
  wire.onClose(() => closed.resolve())
  wire.onBytes((bytes) => {
    for (const frame of read(bytes)) {
      if (frame.kind === 'control' && frame.type === CONTROL.reset) ended.add(frame.body.readUInt32BE(0))
      // kubectl closes when it is told that the session is over.
      if (frame.kind === 'control' && frame.type === CONTROL.goAway) wire.close()
      if (frame.kind !== 'data') continue
      texts.set(frame.streamId, (texts.get(frame.streamId) ?? '') + frame.data.toString('latin1'))
      if (frame.isLast) ended.add(frame.streamId)
    }
  })
  return {
    async open(headers) {
      const id = nextId
      nextId += 2
      const words = Object.entries(headers).flat()
      const block = Buffer.concat([
        uint32s(words.length / 2),
        ...words.flatMap((word) => [uint32s(Buffer.byteLength(word)), Buffer.from(word)]),
      ])
      const compressed = deferred<Buffer>()
      deflate.write(block, () => compressed.resolve(deflate.read() ?? Buffer.alloc(0)))
      wire.write(
        controlFrame(CONTROL.synStream, Buffer.concat([uint32s(id, 0), Buffer.alloc(2), await compressed.promise])),
      )
      return id
    },
    write: (id, data) => wire.write(dataFrame(id, Buffer.from(data), false)),
    end: (id) => wire.write(dataFrame(id, new Uint8Array(0), true)),
    text: (id) => texts.get(id) ?? '',
    isEnded: (id) => ended.has(id),
    raw: (bytes) => wire.write(bytes),
    closed: closed.promise,
    close: () => wire.close(),
  }
}
