// start-error.ts - why a program cannot start, in one line: what is wrong and what to do
export function startError(program: string, error: unknown, portFlags: string): string {
  const message = error instanceof Error ? error.message : String(error)
  const { code, port } = detailsOf(error)
  if (code === 'EADDRINUSE')
    return `${program}: port ${port} is in use by another program: stop that one, or choose another with ${portFlags}\n`
  if (code === 'EACCES' && port)
    return `${program}: no permission to listen on port ${port}: choose one above 1023 with ${portFlags}\n`
  if (code === 'ENOSPC')
    return `${program}: the disk is full (${message}): make room on the one that holds its data, then start again\n`
  return `${program}: ${message}\n`
}

function detailsOf(error: unknown): { code: string; port: string } {
  const { code, port } = { code: '', port: '', ...(typeof error === 'object' ? error : {}) }
  return { code: String(code), port: String(port) }
}
