// message-room.ts - how much of what programs say about their ends a pod's status and a node's report have room for; pure
import type { ContainerState, ContainerStatus, PodStatus } from '../../shared/kinds/object.ts'
import type { PodReport } from '../../shared/protocol/messages.ts'

/** Upstream's: of each container as much as its share, now and of the time before. */
const POD_BYTES_MAX = 12 * 1024
/** Half of what a report may have: one that is too large is not sent at all, and says nothing of the others either. */
const REPORT_BYTES_MAX = 1024 * 1024

export function withinPod(status: PodStatus): PodStatus {
  const all = statusesOf(status)
  return all.length === 0 ? status : withMessages(status, Math.floor(POD_BYTES_MAX / all.length))
}

/** Unchanged unless there is too much; then the longest ones give. */
export function withinReport(pods: readonly PodReport[]): readonly PodReport[] {
  const sizes = pods.flatMap(({ status }) => messagesOf(status).map(sizeOf))
  if (sizes.reduce((sum, size) => sum + size, 0) <= REPORT_BYTES_MAX) return pods
  const bytesMax = Math.floor(REPORT_BYTES_MAX / sizes.length)
  return pods.map((pod) => ({ ...pod, status: withMessages(pod.status, bytesMax) }))
}

const LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const

const statusesOf = (status: PodStatus): readonly ContainerStatus[] => LISTS.flatMap((list) => status[list] ?? [])

const messagesOf = (status: PodStatus): string[] =>
  statusesOf(status).flatMap(({ state, lastState }) =>
    [state, lastState].flatMap((one) => one?.terminated?.message ?? []),
  )

function withMessages(status: PodStatus, bytesMax: number): PodStatus {
  if (messagesOf(status).every((message) => sizeOf(message) <= bytesMax)) return status
  const lists = LISTS.flatMap((list) => {
    const given = status[list]
    return given ? [[list, given.map((one) => cutStatus(one, bytesMax))] as const] : []
  })
  return { ...status, ...Object.fromEntries(lists) }
}

const cutStatus = (one: ContainerStatus, bytesMax: number): ContainerStatus => ({
  ...one,
  ...(one.state && { state: cutState(one.state, bytesMax) }),
  ...(one.lastState && { lastState: cutState(one.lastState, bytesMax) }),
})

function cutState(state: ContainerState, bytesMax: number): ContainerState {
  const { terminated } = state
  if (terminated?.message === undefined) return state
  return { ...state, terminated: { ...terminated, message: cut(terminated.message, bytesMax) } }
}

/** As it goes over the link: what JSON must escape counts six times. */
const sizeOf = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2

function cut(text: string, bytesMax: number): string {
  let rest = text
  for (let bytes = sizeOf(rest); bytes > bytesMax; bytes = sizeOf(rest))
    rest = rest.slice(0, Math.floor((rest.length * bytesMax) / bytes)).replace(/[\uD800-\uDBFF]$/, '')
  return rest
}
