// recover.ts - `holdfast recover`: what the hub lost and its devices still run; and what a person decides about it
import { ageOf } from '../../shared/human-duration.ts'
import type { ConfigMap, Node, Pod } from '../../shared/kinds/object.ts'
import { isUnknownToHub, RECOVERY_NAME, RECOVERY_NAMESPACE, UNKNOWN_ANNOTATION } from '../../shared/recovery.ts'
import { ApiError, type Client } from './client.ts'
import { CliError } from './cli-error.ts'
import { printTable } from './print-table.ts'

export interface RecoveryView {
  /** Absent when nothing was ever lost. */
  note: ConfigMap | undefined
  pods: readonly Pod[]
  nodes: readonly Node[]
}

export interface Decisions {
  adopt: readonly string[]
  adoptAll: boolean
  stop: readonly string[]
  stopAll: boolean
  release: readonly string[]
  close: boolean
}

const NOTE_PATH = `/api/v1/namespaces/${RECOVERY_NAMESPACE}/configmaps/${RECOVERY_NAME}`
const MERGE_PATCH = 'application/merge-patch+json'

export async function readRecovery(client: Client): Promise<RecoveryView> {
  const [note, pods, nodes] = await Promise.all([
    readNote(client),
    client.get<{ items: readonly Pod[] }>('/api/v1/pods'),
    client.get<{ items: readonly Node[] }>('/api/v1/nodes'),
  ])
  return { note, pods: pods.items, nodes: nodes.items }
}

export const readNote = (client: Client): Promise<ConfigMap | undefined> =>
  client.get<ConfigMap>(NOTE_PATH).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 404) return undefined
    throw error
  })

/** Lines for `status`: one for each thing that waits for a decision. */
export function recoveryTroubles({ note, pods, nodes }: RecoveryView): string[] {
  const unknown = pods.filter(isUnknownToHub)
  const lines: string[] = []
  if (note?.data?.['state'] === 'open') {
    const waiting = note.data['waiting']
    const what = note.data['loss'] === 'rows' ? 'a part of its objects was lost' : 'it was restored from an older copy'
    lines.push(
      `the hub is recovering since ${note.data['since']}: ${what}${waiting ? `; not yet heard: ${waiting}` : ''}. ` +
        'What may run only once runs on where it runs; where it has stopped it is started when the recovery is over',
    )
    const { surplus } = note.data
    if (surplus)
      lines.push(`may run only once and has more than one pod, nothing of it is started before one is gone: ${surplus}`)
  }
  const strangers = note?.data?.['state'] === 'open' && note.data['strangers']
  if (strangers)
    lines.push(`devices that joined in the lost time have to join again; what they run goes on: ${strangers}`)
  lines.push(...revocationTroubles(note, nodes))
  if (unknown.length > 0)
    lines.push(
      `${unknown.length} pods are unknown to the hub and run on: \`holdfast recover\` shows them and what can be done`,
    )
  return lines
}

/** A key that was withdrawn after the backup: kept beside the store, or for a person to withdraw again. */
function revocationTroubles(note: ConfigMap | undefined, nodes: readonly Node[]): string[] {
  const { lockedOut = '', revocations, since = '', state } = note?.data ?? {}
  const names = nodes.map(({ metadata }) => metadata.name)
  const out = state === 'open' ? lockedOut.split(', ').filter((name) => names.includes(name)) : []
  const before = nodes.filter(({ metadata }) => (metadata.creationTimestamp ?? '') < since)
  const lines: string[] = []
  if (out.length > 0)
    lines.push(
      `removed after the backup was made, locked out still, their nodes are back: \`kubectl delete node ${out.join(' ')}\``,
    )
  if (revocations === 'lost' && before.length > 0)
    lines.push(
      `devices are let in as of the backup: ${listed(before.map(({ metadata }) => metadata.name))}. Whichever of them was removed since, remove it again: \`kubectl delete node <name>\`; \`holdfast recover --close\` says that you have looked`,
    )
  return lines
}

/** What fits into a few lines of a terminal. */
const LISTED_MAX = 20

function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX
  return names.slice(0, LISTED_MAX).join(', ') + (more > 0 ? ` and ${more} more (kubectl get nodes)` : '')
}

export function recoverScreen(view: RecoveryView, nowMs: number): string {
  const unknown = view.pods.filter(isUnknownToHub)
  const troubles = recoveryTroubles({ ...view, pods: [] })
  if (unknown.length === 0) return troubles.length > 0 ? troubles.join('\n') : 'Nothing is to be recovered.'
  const rows = unknown.map((pod) => [
    nameOf(pod),
    pod.status?.phase ?? '-',
    imagesOf(pod),
    ageOf(pod.metadata.creationTimestamp, nowMs),
  ])
  return [
    ...troubles,
    'These pods run, and the hub has lost how they came to be. It keeps them until you decide:',
    '',
    printTable(['NODE/NAMESPACE/POD', 'PHASE', 'IMAGES', 'AGE'], rows),
    '',
    'Apply the manifests that made them again: pods that fit are taken over where they run. Or decide by hand:',
    '  holdfast recover --adopt <node/namespace/pod>   from now on it is a pod like any other (--adopt-all)',
    '  holdfast recover --stop <node/namespace/pod>    stop it (--stop-all)',
  ].join('\n')
}

const nameOf = ({ metadata: { namespace, name }, spec }: Pod) => `${spec.nodeName ?? '-'}/${namespace ?? ''}/${name}`
const imagesOf = ({ spec }: Pod) => spec.containers.map(({ image }) => image ?? '').join(',')

/** Those that are named, or all; throws for a name that is not among the unknown. Pure. */
export function chosen(pods: readonly Pod[], names: readonly string[], all: boolean): readonly Pod[] {
  const unknown = pods.filter(isUnknownToHub)
  if (all) return unknown
  return names.map((name) => {
    const found = unknown.filter((pod) => nameOf(pod) === name || nameOf(pod).endsWith(`/${name}`))
    const [pod] = found
    if (!pod) throw new CliError(`no unknown pod is called "${name}": holdfast recover lists them`)
    if (found.length > 1) throw new CliError(`"${name}" could be ${found.map(nameOf).join(' or ')}`)
    return pod
  })
}

/** Answers what was done, a line each. */
export async function decide(client: Client, view: RecoveryView, decisions: Decisions): Promise<string[]> {
  const adopt = chosen(view.pods, decisions.adopt, decisions.adoptAll)
  const released = view.pods.filter((pod) => isUnknownToHub(pod) && decisions.release.includes(pod.spec.nodeName ?? ''))
  const stop = [...new Set([...chosen(view.pods, decisions.stop, decisions.stopAll), ...released])]
  const lines: string[] = []
  for (const pod of adopt) {
    await client.send('PATCH', pathOf(pod), withoutAnnotation(UNKNOWN_ANNOTATION), MERGE_PATCH)
    lines.push(`${nameOf(pod)} is known again`)
  }
  for (const pod of stop) {
    await client.send('DELETE', pathOf(pod), { preconditions: { uid: pod.metadata.uid } })
    lines.push(`${nameOf(pod)} is being stopped`)
  }
  if (decisions.close) {
    await client.send('PATCH', NOTE_PATH, { data: { state: 'closed', revocations: 'looked at' } }, MERGE_PATCH)
    lines.push('the recovery is closed: what has lost its owner for good goes now')
    const surplus = view.note?.data?.['surplus']
    if (surplus) lines.push(`may run more than once now, until its owner or you delete one: ${surplus}`)
  }
  return lines
}

const pathOf = ({ metadata: { namespace, name } }: Pod) => `/api/v1/namespaces/${namespace ?? 'default'}/pods/${name}`
const withoutAnnotation = (name: string) => ({ metadata: { annotations: { [name]: null } } })
