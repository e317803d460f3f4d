// serve-port-forward.ts - from an HTTP upgrade to forwarded connections, in whichever of the three forms the client asks for
import type { NodeCalls } from '../../../shared/protocol/calls.ts'
import type { MessageSocket } from '../../../shared/protocol/message-socket.ts'
import { badRequest } from '../../../shared/kinds/status-error.ts'
import type { Lease } from './leases.ts'
import { servePortForwardChannels } from './port-forward-channels.ts'
import { servePortForwardSpdy, type Dial } from './port-forward.ts'
import { createRawTransport } from './raw-transport.ts'
import { checkUpgrade, type StreamServices, type UpgradeContext } from './serve-exec.ts'
import type { SpdyTransport } from './spdy/session.ts'
import { acceptSpdy, wantsSpdy } from './spdy/upgrade.ts'
import { acceptWebSocket } from './websocket.ts'

const TUNNEL = 'SPDY/3.1+portforward.k8s.io'
const CHANNELS = ['v4.channel.k8s.io', 'channel.k8s.io', 'portforward.k8s.io']
/** Tunnelled clients write 32 KiB a message; others what one read of a socket gives them. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** Each is a connection to the device from the start in the channel form. */
const PORTS_MAX = 16

export interface PortForwardTarget {
  node: string
  podUid: string
  /** "default/web-1", for messages. */
  pod: string
  /** From `?ports=`, for the channel form only. */
  ports: readonly number[]
}

export async function servePortForward(
  context: UpgradeContext,
  target: PortForwardTarget,
  { calls, leases, clock }: StreamServices,
): Promise<void> {
  const { request, socket, head, user } = context
  checkUpgrade(request)
  if (target.ports.length > PORTS_MAX) throw badRequest(`at most ${PORTS_MAX} ports can be forwarded at once`)
  const lease = leases.take(user)
  try {
    const abort = new AbortController()
    const dial = dialer(calls, target, abort.signal)
    if (wantsSpdy(request)) {
      acceptSpdy(request, socket, ['portforward.k8s.io'])
      const transport = createRawTransport(socket, head, clock)
      servePortForwardSpdy({ transport, dial, lease, pod: target.pod })
      return await untilOver(transport, lease, abort)
    }
    const options = { protocols: [TUNNEL, ...CHANNELS], messageBytesMax: MESSAGE_BYTES_MAX, clock }
    const { ws, protocol } = await new Promise<{ ws?: MessageSocket; protocol: string }>((resolve) => {
      socket.once('close', () => resolve({ protocol: '' }))
      acceptWebSocket(request, socket, head, options, (accepted, chosen) => resolve({ ws: accepted, protocol: chosen }))
    })
    if (!ws) return
    if (protocol === TUNNEL) servePortForwardSpdy({ transport: ws, dial, lease, pod: target.pod })
    else void servePortForwardChannels(ws, target.ports, dial, lease).catch(() => ws.terminate())
    await untilOver(ws, lease, abort)
  } finally {
    lease.release()
  }
}

const dialer =
  (calls: NodeCalls, { node, podUid }: PortForwardTarget, signal: AbortSignal): Dial =>
  (port) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return Promise.reject(badRequest(`invalid port ${port}`))
    return calls.open(node, { kind: 'portforward', podUid, port }, signal)
  }

/** When the session is over, for whatever reason, so are all its connections. */
async function untilOver(transport: SpdyTransport, lease: Lease, abort: AbortController): Promise<void> {
  const isLeaseOver = await Promise.race([transport.closed.then(() => false), lease.ended.then(() => true)])
  abort.abort()
  if (isLeaseOver) transport.terminate()
}
