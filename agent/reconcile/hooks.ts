// hooks.ts - the hooks of a container: a command, a GET or a sleep, right after it has started and before TERM is sent
import { sleep, type Clock } from '../../shared/clock.ts'
import type { Container } from '../../shared/kinds/object.ts'
import { httpGet } from './http-get.ts'
import { askOnce, portNumber, type ProbeTarget } from './probe-run.ts'

export const hasPreStop = ({ container }: Pick<ProbeTarget, 'container'>): boolean =>
  container.spec.lifecycle?.preStop !== undefined

/** Upstream waits for ever; nothing of a device does. Longer than any set-up that people put there. */
const POST_START_WITHIN_MS = 600_000

/** Both answer what went wrong, or undefined; bounded by the grace period, and by a limit of our own. */
export const runPreStop = (target: ProbeTarget, graceMs: number, clock: Clock): Promise<string | undefined> =>
  runHook(target.container.spec.lifecycle?.preStop, target, graceMs, clock)

export const runPostStart = (target: ProbeTarget, clock: Clock): Promise<string | undefined> =>
  runHook(target.container.spec.lifecycle?.postStart, target, POST_START_WITHIN_MS, clock)

type Hook = NonNullable<NonNullable<Container['lifecycle']>['preStop']>

async function runHook(hook: Hook | undefined, target: ProbeTarget, withinMs: number, clock: Clock) {
  if (hook?.sleep) {
    await sleep(clock, Math.min(withinMs, 1000 * hook.sleep.seconds))
    return undefined
  }
  if (hook?.httpGet) return runHttp(hook.httpGet, target, withinMs, clock)
  if (!hook?.exec) return undefined
  const answer = await askOnce({ exec: hook.exec }, target, withinMs, clock)
  return answer.ok ? undefined : answer.output || 'the command failed without a word'
}

type HttpAction = Parameters<typeof askOnce>[0]['httpGet']

/** Of a hook any answer will do: it was told. */
async function runHttp(action: NonNullable<HttpAction>, target: ProbeTarget, withinMs: number, clock: Clock) {
  try {
    const port = portNumber(action.port, target.container)
    const found = action.host ? { address: action.host, port } : await target.runtime.dial(target.networkId, port)
    const headers = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const)
    const scheme = action.scheme?.toUpperCase() === 'HTTPS' ? 'https' : 'http'
    const { address: host, port: to } = found
    await httpGet({ scheme, host, port: to, path: action.path ?? '/', headers, timeoutMs: withinMs }, clock)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
