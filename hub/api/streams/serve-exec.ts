// serve-exec.ts - from an HTTP upgrade to a running exec or attach: by WebSocket or SPDY, once the agent has begun
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../shared/clock.ts'
import type { CallRequest, NodeCalls } from '../../../shared/protocol/calls.ts'
import { badRequest } from '../../../shared/kinds/status-error.ts'
import type { User } from '../extension.ts'
import { bridgeExec } from './bridge-exec.ts'
import { acceptSpdyExec } from './exec-spdy.ts'
import { createWebSocketExecClient, EXEC_MESSAGE_BYTES_MAX, EXEC_PROTOCOLS } from './exec-websocket.ts'
import type { ExecClient, ExecWanted } from './exec-client.ts'
import type { Leases } from './leases.ts'
import { wantsSpdy } from './spdy/upgrade.ts'
import { acceptWebSocket } from './websocket.ts'

export interface UpgradeContext {
  request: IncomingMessage
  socket: Duplex
  head: Buffer
  user: User
}

export interface StreamServices {
  calls: NodeCalls
  leases: Leases
  clock: Clock
}

export type ExecTarget = Extract<CallRequest, { kind: 'exec' | 'attach' }>

/** Asks the agent before it accepts: what it throws is then said in plain HTTP, and its message reaches the user. */
export async function serveExec(
  { request, socket, head, user }: UpgradeContext,
  { node, target }: { node: string; target: ExecTarget },
  { calls, leases, clock }: StreamServices,
): Promise<void> {
  checkUpgrade(request)
  const lease = leases.take(user)
  const abort = new AbortController()
  socket.once('close', () => abort.abort())
  try {
    const call = await calls.open(node, target, abort.signal)
    const client = await acceptExec(request, socket, head, target, clock)
    if (client) await bridgeExec(client, call, lease)
    else call.close()
  } finally {
    lease.release()
  }
}

export function checkUpgrade(request: IncomingMessage): void {
  const isWebSocket = /^websocket$/i.test(request.headers.upgrade ?? '')
  if (!isWebSocket && !wantsSpdy(request))
    throw badRequest(
      'unable to upgrade: this path speaks WebSocket (v5.channel.k8s.io, v4.channel.k8s.io) and SPDY/3.1',
    )
}

function acceptExec(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: ExecWanted,
  clock: Clock,
): Promise<ExecClient | undefined> {
  if (wantsSpdy(request)) return acceptSpdyExec(request, socket, head, wanted, clock)
  const options = { protocols: EXEC_PROTOCOLS, messageBytesMax: EXEC_MESSAGE_BYTES_MAX, clock }
  return new Promise((resolve) => {
    // A handshake that is none ends the socket without a word to us.
    socket.once('close', () => resolve(undefined))
    acceptWebSocket(request, socket, head, options, (ws, protocol) =>
      resolve(createWebSocketExecClient(ws, protocol, wanted, clock)),
    )
  })
}
