// message-socket.ts - a WebSocket as everything that streams uses it: sends that wait, listeners that hold back the sender
import type { Clock } from '../clock.ts'
import { deferred } from '../deferred.ts'

/** Finds peers that went without a word, also while nothing is read because the reader is slow. */
const PING_EVERY_MS = 15_000
/** Four pings lost: the other side is gone. */
const SILENT_AFTER_MS = 60_000
/** How long a peer may take to answer our close before the connection is cut. */
const CLOSE_WITHIN_MS = 5_000

/** As much of the `ws` library's WebSocket as is needed; the library itself has one importing file a program. */
export interface WebSocketLike {
  readonly readyState: number
  send(data: Uint8Array, done: (error?: Error | null) => void): void
  ping(): void
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
  on(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[]) => void): unknown
  on(event: 'pong', listener: () => void): unknown
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface MessageSocket {
  /** Resolves when the bytes are with the operating system: waiting for it is the back-pressure. Rejects when closed. */
  send(data: Uint8Array): Promise<void>
  /** One listener. The promise that it returns holds back the next message, and with it the sender. */
  onMessage(listener: (data: Uint8Array) => void | Promise<void>): void
  /** Resolves with the reason as soon as the connection is gone, also when a listener is still busy. */
  readonly closed: Promise<string>
  /** Resolves with the reason once it is gone and every message was listened to. */
  readonly drained: Promise<string>
  close(code?: number): void
  terminate(): void
}

const OPEN = 1
const CLOSED = 3

type Listener = (data: Uint8Array) => void | Promise<void>

export function createMessageSocket(ws: WebSocketLike, clock: Clock): MessageSocket {
  const listener = deferred<Listener>()
  const inbox = createInbox(ws, listener.promise)
  const closed = deferred<string>()
  const drained = deferred<string>()
  const life = watchLife(ws, clock, () => inbox.isPaused())

  ws.on('message', (data) => {
    life.heard()
    inbox.take(asBytes(data))
  })
  let failure = ''
  ws.on('error', (error) => (failure = error.message))
  ws.on('close', (code, reason) => {
    life.stop()
    const why = failure || String(reason) || `closed with code ${code}`
    closed.resolve(why)
    void inbox.idle().then(() => drained.resolve(why))
  })

  return {
    send: (data) =>
      new Promise((resolve, reject) => {
        if (ws.readyState !== OPEN) return reject(new Error('the stream is closed'))
        ws.send(data, (error) => (error ? reject(error) : resolve()))
      }),
    onMessage: listener.resolve,
    closed: closed.promise,
    drained: drained.promise,
    close(code = 1000) {
      if (ws.readyState === CLOSED) return
      // A paused socket would never see the peer's answer to the close.
      inbox.open()
      ws.close(code)
      life.cutWithin(CLOSE_WITHIN_MS)
    },
    terminate: () => ws.terminate(),
  }
}

/** Messages one after another; reads nothing more from the network while one is being listened to. */
function createInbox(ws: WebSocketLike, listening: Promise<Listener>) {
  let waiting = 0
  let isOpen = false
  let tail: Promise<void> = Promise.resolve()
  const taken = () => {
    waiting -= 1
    if (waiting === 0) ws.resume()
  }
  return {
    take(data: Uint8Array) {
      waiting += 1
      if (!isOpen) ws.pause()
      tail = tail
        .then(async () => (await listening)(data))
        // A listener that fails has lost its other side: this stream is of no more use.
        .catch(() => ws.terminate())
        .then(taken)
    },
    open() {
      isOpen = true
      ws.resume()
    },
    isPaused: () => waiting > 0 && !isOpen,
    idle: () => tail,
  }
}

function watchLife(ws: WebSocketLike, clock: Clock, isPaused: () => boolean) {
  let heardAtMs = clock.monoMs()
  const heard = () => (heardAtMs = clock.monoMs())
  ws.on('pong', heard)
  const timer = clock.every(PING_EVERY_MS, () => {
    // While paused no pong can be read, but the ping itself fails when the connection is gone.
    if (isPaused()) heard()
    if (clock.monoMs() - heardAtMs > SILENT_AFTER_MS) return ws.terminate()
    if (ws.readyState === OPEN) ws.ping()
  })
  let cut: { cancel(): void } | undefined
  return {
    heard,
    cutWithin: (ms: number) => (cut ??= clock.after(ms, () => ws.terminate())),
    stop() {
      timer.cancel()
      cut?.cancel()
    },
  }
}

function asBytes(data: Buffer | ArrayBuffer | Buffer[]): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
