// messages.ts - the bodies that hub and agent exchange, each a schema from which the type is inferred
import * as v from 'valibot'
import type { ConfigMap, NodeCondition, Pod, PodStatus, Secret } from '../kinds/object.ts'

/** Larger ones are no longer exact, and from 1e21 on they are written in a way that no quantity of Kubernetes has. */
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = (max: number) => v.pipe(v.string(), v.maxLength(max))
const name = text(253)
/** Inner Kubernetes objects: their shape is the API's business; here they only have to be objects. */
const opaque = <T>() => v.custom<T>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))

export const PROTOCOL_VERSION = 1

/** No device has more, and in thousand-millionths it is still an exact number. */
export const CPUS_MAX = 1_000_000

// ---- up ----

export const runtimeInfo = v.object({ name: text(32), version: text(128), os: text(64), architecture: text(64) })

/** What does not change while a device runs. */
export const nodeFacts = v.object({
  hostname: name,
  machineId: text(128),
  bootId: text(128),
  os: text(64),
  osImage: text(256),
  kernel: text(256),
  architecture: text(64),
  cpus: v.pipe(count, v.maxValue(CPUS_MAX)),
  memoryBytes: count,
  diskBytes: count,
  addresses: v.pipe(
    v.array(v.object({ type: v.picklist(['InternalIP', 'Hostname']), address: text(253) })),
    v.maxLength(32),
  ),
  model: v.optional(text(256)),
})
export type NodeFacts = v.InferOutput<typeof nodeFacts>

export const hello = v.object({
  type: v.literal('hello'),
  protocol: count,
  agentVersion: text(64),
  /** Grows by one each time an agent with this cache connects: an old will cannot end a new session. */
  session: count,
  /** Drawn anew by each agent process: two devices that share one identity differ here. */
  instance: text(64),
  facts: nodeFacts,
  runtimes: v.pipe(v.array(runtimeInfo), v.maxLength(8)),
  labels: v.record(text(317), text(63)),
  /** What this device holds; the digest of its canonical bytes lets a restarted hub see that nothing needs sending. */
  held: v.object({
    epoch: count,
    revision: count,
    digest: v.optional(text(64)),
    /** Rank of the key that signed it: the numbers of a key that was withdrawn mean nothing. */
    key: v.optional(count),
  }),
  statusDigest: text(64),
  /** A state came with a dictionary that this device does not have: send it plain. */
  wantPlain: v.optional(v.boolean()),
  /** Version of the set of keys that this device trusts; absent: it knows only those that it was given when it joined. */
  keySet: v.optional(count),
})
export type Hello = v.InferOutput<typeof hello>

/** Short names: this crosses the link every few seconds, for ever. */
export const beat = v.object({
  type: v.literal('beat'),
  session: count,
  seq: count,
  /** Applied (epoch, revision). */
  e: count,
  r: count,
  /** CPU in thousandths of a core, memory and disk in bytes, load times 100, temperature in tenths of a degree, uptime in s. */
  cpu: v.pipe(count, v.maxValue(1_000 * CPUS_MAX)),
  mem: count,
  disk: count,
  load: count,
  temp: v.optional(v.number()),
  up: count,
  rx: v.optional(count),
  tx: v.optional(count),
})
export type Beat = v.InferOutput<typeof beat>
export type Sample = Omit<Beat, 'type' | 'session' | 'seq' | 'e' | 'r'>

/** `stopped`: it was to go (deletionTimestamp, or no longer desired) and nothing of it runs any more. */
export const podReport = v.object({
  uid: text(64),
  namespace: name,
  name,
  status: opaque<PodStatus>(),
  stopped: v.optional(v.boolean()),
})
export type PodReport = v.InferOutput<typeof podReport>

export const PODS_PER_NODE_MAX = 500

/** The observed state of one node: whole, never a difference. */
export const nodeReport = v.object({
  pods: v.pipe(v.array(podReport), v.maxLength(2 * PODS_PER_NODE_MAX)),
  conditions: v.pipe(v.array(opaque<NodeCondition>()), v.maxLength(32)),
  /** The revision that this observation is about. */
  observed: v.object({ epoch: count, revision: count }),
  /** What the agent wrote to its disk in the last so many seconds; changes once an hour. */
  wear: v.optional(v.object({ bytes: count, seconds: count })),
})
export type NodeReport = v.InferOutput<typeof nodeReport>

export const statusMessage = v.object({ type: v.literal('status'), session: count, seq: count, report: nodeReport })
export type StatusMessage = v.InferOutput<typeof statusMessage>

/** What becomes a Kubernetes Event at the hub. */
const journalEvent = v.object({
  kind: v.literal('event'),
  /** Absent: about the node itself. */
  pod: v.optional(v.object({ uid: text(64), namespace: name, name, fieldPath: v.optional(text(256)) })),
  severity: v.picklist(['Normal', 'Warning']),
  reason: text(128),
  message: text(1024),
  /** What goes last when the journal is full: alarms, then changes of state. Absent: event for warnings, info for the rest. */
  class: v.optional(v.picklist(['alarm', 'change', 'event', 'info'])),
})
/** Where entries were dropped because the journal was full. */
const journalGap = v.object({ kind: v.literal('gap'), dropped: count })
export const journalBody = v.variant('kind', [journalEvent, journalGap])
export type JournalBody = v.InferOutput<typeof journalBody>

export const journalEntry = v.object({
  seq: count,
  /** The device's own wall time; `clockSet` false marks a clock that nobody has set since boot. */
  atMs: v.number(),
  clockSet: v.boolean(),
  body: journalBody,
})
export type JournalEntry = v.InferOutput<typeof journalEntry>
export type NewJournalEntry = Pick<JournalEntry, 'body'>

export const journalMessage = v.object({
  type: v.literal('journal'),
  session: count,
  /** Drawn when this journal began: the numbers of its entries count from there. */
  journal: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  entries: v.pipe(v.array(journalEntry), v.maxLength(256)),
})
export type JournalMessage = v.InferOutput<typeof journalMessage>

export const will = v.object({ type: v.literal('will'), session: count })
export type Will = v.InferOutput<typeof will>

// ---- down ----

/** Everything that one node must run, whole. */
export const desiredState = v.object({
  type: v.literal('state'),
  node: name,
  epoch: count,
  revision: count,
  /** Sorted by uid, so that equal states are equal bytes. A pod with deletionTimestamp is to be stopped. */
  pods: v.array(opaque<Pod>()),
  /** Only what these pods mention, keyed "namespace/name". */
  configMaps: v.record(v.string(), opaque<Pick<ConfigMap, 'data' | 'binaryData'>>()),
  secrets: v.record(v.string(), opaque<Pick<Secret, 'data' | 'type'>>()),
  settings: v.object({ beatEveryMs: count }),
})
export type DesiredState = v.InferOutput<typeof desiredState>

const podUids = v.pipe(v.array(text(64)), v.maxLength(2 * PODS_PER_NODE_MAX))
const lease = v.object({
  seq: count,
  pods: podUids,
  /** These may only go on: a lease that had run out when the beat was sent is not renewed. */
  renewed: v.optional(podUids),
})

export const journalAck = v.object({
  type: v.literal('ack'),
  session: count,
  upTo: count,
  /** Something came with a dictionary that the hub does not have: begin again, plain. */
  wantPlain: v.optional(v.boolean()),
  /** The hub cannot account for what this device holds: send the signed state on the topic `held`, as it was received. */
  wantHeld: v.optional(v.boolean()),
  /** For the device's log: another device shows this identity and was sent away. */
  notice: v.optional(v.literal('duplicate identity')),
  /** These pods may run, counted from the sending of the beat with this number in this session. */
  lease: v.optional(lease),
})
export type JournalAck = v.InferOutput<typeof journalAck>

// Calls (logs, exec, attach, port-forward, usage) are in calls.ts.
