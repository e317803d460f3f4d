// bridge-exec.ts - joins a user's exec or attach to the call that the agent answers
import { CHANNEL, type CallResult, type CallStream } from '../../../shared/protocol/calls.ts'
import { exitStatus, failureStatus, type ExecClient, type ExecStatus } from './exec-client.ts'
import type { Lease } from './leases.ts'

const EMPTY = new Uint8Array(0)

/** Resolves when both sides are done with each other. */
export async function bridgeExec(client: ExecClient, call: CallStream, lease: Lease): Promise<void> {
  call.onFrame(async (channel, data) => {
    lease.touch()
    if (channel === CHANNEL.stdout) await client.write('stdout', data)
    if (channel === CHANNEL.stderr) await client.write('stderr', data)
  })
  client.onStdin(async (data) => {
    lease.touch()
    await (data ? call.send(CHANNEL.stdin, data) : call.send(CHANNEL.stdinEnd, EMPTY))
  })
  client.onResize((columns, rows) =>
    call.send(CHANNEL.resize, new TextEncoder().encode(JSON.stringify({ columns, rows }))),
  )
  void client.closed.then(() => call.close())

  const ending = await Promise.race([
    call.ended.then(statusOf),
    lease.ended.then((why) => failureStatus(why.reason, why.message, why.code)),
  ])
  // Resolved by the node after its last frame was taken, so nothing overtakes the output; a client that is gone needs no status.
  await Promise.race([client.finish(ending), client.closed]).catch(() => client.terminate())
  call.close()
}

const statusOf = (result: CallResult): ExecStatus =>
  result.outcome === 'done' ? exitStatus(result.exitCode) : failureStatus('InternalError', result.message)
