// fake-logs.ts - reads the lines of a fake container as a runtime's logs call does
import type { Writable } from 'node:stream'
import type { LogRequest } from '../../agent/runtime/runtime.ts'
import type { FakeContainer, FakeLine } from './fake-container.ts'

export function readFakeLogs(container: FakeContainer, request: LogRequest, out: Writable, err: Writable) {
  let budgetBytes = request.limitBytes ?? Number.POSITIVE_INFINITY
  let next = firstLine(container.lines, request)
  const drain = () => {
    for (; next < container.lines.length && budgetBytes > 0; next++) {
      const line = container.lines[next]!
      const stamp = request.timestamps ? `${new Date(line.atMs).toISOString().replace('Z', '000000Z')} ` : ''
      const bytes = Buffer.from(`${stamp}${line.text}\n`).subarray(0, budgetBytes)
      budgetBytes -= bytes.length
      ;(line.stream === 'stdout' ? out : err).write(bytes)
    }
    return budgetBytes <= 0 || container.observe().state === 'exited'
  }
  return new Promise<void>((resolve) => {
    if (drain() || !request.follow || request.signal.aborted) return resolve()
    const stopListening = container.onChange(() => {
      if (drain()) done()
    })
    request.signal.addEventListener('abort', done, { once: true })
    function done() {
      stopListening()
      request.signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

function firstLine(lines: readonly FakeLine[], { tailLines, sinceMs }: LogRequest) {
  const since = sinceMs === undefined ? 0 : lines.findIndex((line) => line.atMs >= sinceMs)
  const first = since < 0 ? lines.length : since
  return tailLines === undefined ? first : Math.max(first, lines.length - tailLines)
}
