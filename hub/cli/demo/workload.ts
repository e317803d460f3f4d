// workload.ts - makes the demo's workloads once, waits for what their user still wants, and says what became of them
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseYaml } from '../../../shared/yaml.ts'
import { sleep, type Clock } from '../../../shared/clock.ts'
import type { Deployment, Json, JsonObject, Node, Pod } from '../../../shared/kinds/object.ts'
import { ApiError, type Client } from '../client.ts'
import { CliError } from '../cli-error.ts'
import { podTrouble } from '../status.ts'

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const LOOK_EVERY_MS = 300
/** Somebody waits at a terminal; what takes longer than this needs looking at. */
const RUNNING_WITHIN_MS = 60_000

/** Made once, and left to its user from then on: what became of it is told, never undone. */
export interface Workload {
  manifest: JsonObject & { metadata: { name: string } & JsonObject }
  /** A file that says that it was made. */
  marker: string
  /** What it needs before it runs, or before it is made. */
  prepare(isNew: boolean): Promise<void>
}

export type Fate =
  | { kind: 'runs'; port: number | undefined }
  | { kind: 'scaled to 0' }
  | { kind: 'deleted' }
  | { kind: 'stuck'; why: string }

export const readWorkload = (
  file: string,
  rest: Omit<Workload, 'manifest'>,
  change = (manifest: JsonObject) => manifest,
): Workload => ({
  // Our own file: a test applies it.
  manifest: change(parseYaml(readFileSync(file, 'utf8')).value as JsonObject) as Workload['manifest'],
  ...rest,
})

/** Waits only for what its user still wants. Throws when it does not run although nobody can have touched it yet. */
export async function untilSettled(client: Client, clock: Clock, workload: Workload): Promise<Fate> {
  const { manifest, marker, prepare } = workload
  const { name } = manifest.metadata
  const found = await find(client, name)
  const isNew = found === undefined && !existsSync(marker)
  const left = isNew ? undefined : fateOf(found)
  if (left && left.kind !== 'runs') return left
  await prepare(isNew)
  if (isNew) await create(client, manifest)
  writeFileSync(marker, '')
  const startedMs = clock.monoMs()
  while (clock.monoMs() - startedMs < RUNNING_WITHIN_MS) {
    const fate = fateOf(await find(client, name))
    if (fate) return fate
    await sleep(clock, LOOK_EVERY_MS)
  }
  const why = await whyNot(client, clock, name)
  if (isNew) throw new CliError(`${name} does not run after ${RUNNING_WITHIN_MS / 1000} s: ${why}`)
  return { kind: 'stuck', why }
}

/** Undefined while it is still to come up. */
function fateOf(found: Deployment | undefined): Fate | undefined {
  if (!found) return { kind: 'deleted' }
  if (found.spec.replicas === 0) return { kind: 'scaled to 0' }
  if ((found.status?.availableReplicas ?? 0) === 0) return undefined
  return { kind: 'runs', port: found.spec.template.spec?.containers[0]?.ports?.[0]?.hostPort }
}

async function find(client: Client, name: string): Promise<Deployment | undefined> {
  try {
    return await client.get<Deployment>(`${DEPLOYMENTS}/${name}`)
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined
    throw error
  }
}

/** As `kubectl apply` does it, so that a later `kubectl apply` of the same file knows what has changed. */
async function create(client: Client, manifest: Workload['manifest']): Promise<void> {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(manifest)}\n` }
  await client.send('POST', DEPLOYMENTS, { ...manifest, metadata: { ...manifest.metadata, annotations } })
}

async function whyNot(client: Client, clock: Clock, name: string): Promise<string> {
  const { items } = await client.get<{ items: readonly Pod[] }>(
    `/api/v1/namespaces/default/pods?labelSelector=app%3D${name}`,
  )
  return (
    items.flatMap((pod) => podTrouble(pod, clock.wallMs())).join('; ') ||
    'there is no pod of it; look at .holdfast/hub.log'
  )
}

export async function untilNodeReady(client: Client, clock: Clock): Promise<Node> {
  const startedMs = clock.monoMs()
  for (;;) {
    const { items } = await client.get<{ items: readonly Node[] }>('/api/v1/nodes')
    const ready = items.find(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    if (ready) return ready
    if (clock.monoMs() - startedMs > RUNNING_WITHIN_MS)
      throw new CliError('the agent does not reach the hub; look at .holdfast/agent.log')
    await sleep(clock, LOOK_EVERY_MS)
  }
}

/** The same manifest with another port of the device. */
export function withPort(port: number) {
  const replace = (value: Json): Json => {
    if (value === 8080) return port
    if (value === '8080') return String(port)
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner)]))
  }
  return (manifest: JsonObject): JsonObject =>
    port === 8080 ? manifest : Object.fromEntries(Object.entries(manifest).map(([key, value]) => [key, replace(value)]))
}
