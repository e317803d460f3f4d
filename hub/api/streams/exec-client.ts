// exec-client.ts - the user's side of exec and attach, whatever the wire: WebSocket channels or SPDY streams
import * as v from 'valibot'

export interface ExecWanted {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  tty: boolean
}

export interface ExecClient {
  /** Waits until the client takes it; rejects when it is gone. */
  write(channel: 'stdout' | 'stderr', data: Uint8Array): Promise<void>
  /** One listener; `undefined` is the end of stdin. The promise holds back what follows. */
  onStdin(listener: (data: Uint8Array | undefined) => void | Promise<void>): void
  onResize(listener: (columns: number, rows: number) => void | Promise<void>): void
  /** Sends how it ended, behind everything written before, and closes. */
  finish(status: ExecStatus): Promise<void>
  terminate(): void
  readonly closed: Promise<void>
}

export interface ExecStatus {
  metadata: object
  status: 'Success' | 'Failure'
  reason?: string
  message?: string
  details?: { causes: { reason: string; message: string }[] }
  code?: number
}

export const exitStatus = (exitCode: number): ExecStatus =>
  exitCode === 0
    ? { metadata: {}, status: 'Success' }
    : {
        metadata: {},
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: `command terminated with non-zero exit code: exit status ${exitCode}`,
        details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
      }

export const failureStatus = (reason: string, message: string, code = 500): ExecStatus => ({
  metadata: {},
  status: 'Failure',
  reason,
  message,
  code,
})

/** No terminal is larger; a hostile size must not reach a device. */
const CELLS_MAX = 10_000
const cells = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(CELLS_MAX))
const terminalSize = v.object({ Width: cells, Height: cells })

/** undefined for what is no size: a terminal of a wrong size is better than none. */
export function parseTerminalSize(text: string): { columns: number; rows: number } | undefined {
  try {
    const { Width, Height } = v.parse(terminalSize, JSON.parse(text))
    return { columns: Width, rows: Height }
  } catch {
    return undefined
  }
}
