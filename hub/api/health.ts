// health.ts - /healthz, /livez and /readyz: is this hub alive, and should clients come to it
export interface Check {
  name: string
  /** What is wrong, or undefined. */
  problem(): string | undefined
}

export interface HealthAnswer {
  code: number
  text: string
}

const ENDPOINTS = new Set(['healthz', 'livez', 'readyz'])

/** Undefined when the path is none of them. `/livez/ping` asks for one check alone. */
export function healthAnswer(path: string, isVerbose: boolean, checks: readonly Check[]): HealthAnswer | undefined {
  const [endpoint = '', name, ...more] = path.split('/').filter(Boolean)
  if (!ENDPOINTS.has(endpoint) || more.length > 0) return undefined
  // A hub that is on its way out is alive, and wants no new clients.
  const asked = checks.filter((check) =>
    name ? check.name === name : endpoint === 'readyz' || check.name !== 'shutdown',
  )
  if (name && asked.length === 0) return undefined
  const lines = asked.map((check) => {
    const problem = check.problem()
    return {
      isFine: problem === undefined,
      text: problem === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: ${problem}`,
    }
  })
  const isFine = lines.every((line) => line.isFine)
  const text = [...lines.map((line) => line.text), `${endpoint} check ${isFine ? 'passed' : 'failed'}`].join('\n')
  return { code: isFine ? 200 : 500, text: isFine && !isVerbose ? 'ok' : `${text}\n` }
}
