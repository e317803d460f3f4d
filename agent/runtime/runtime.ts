// runtime.ts - the port to whatever runs containers; docker.ts, process.ts and the tests' fake stand behind it
import type { Readable, Writable } from 'node:stream'
import type { Service } from '../../shared/service.ts'

export type RuntimeName = 'docker' | 'process'

/** Thrown by every call while the runtime does not answer. It never means "there are no containers". */
export class RuntimeUnavailable extends Error {
  override readonly name = 'RuntimeUnavailable'
}

/** Thrown by `pull`: the image cannot be had. `reason` is upstream's word for it. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly reason: 'ErrImagePull' | 'ErrImageNeverPull' | 'InvalidImageName' | 'RegistryUnavailable'
  constructor(reason: ImageError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/** Thrown by `create` and `start` when this one container cannot run, such as a missing command; upstream's reason. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly reason: 'CreateContainerError' | 'RunContainerError' | 'CreateContainerConfigError'
  constructor(reason: StartError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/** What makes every container of ours recognisable, also after the agent lost its cache. Stored as labels. */
export interface ContainerIdentity {
  podUid: string
  namespace: string
  pod: string
  /** Name in the pod spec; "" for a sandbox. */
  container: string
  /** sandbox: holds the network that several containers of one pod share. */
  role: 'app' | 'init' | 'ephemeral' | 'sandbox'
  /** 0 for the first container made for this name, then one more for each restart. */
  attempt: number
  /** Hash of everything that the container was made from: another hash means another container. */
  specHash: string
}

export interface Mount {
  /** Absolute path on the device. */
  source: string
  target: string
  readOnly: boolean
  /** tmpfs: no source; lost when the container goes. */
  type: 'bind' | 'tmpfs'
  sizeBytes?: number
}

export interface PortMapping {
  containerPort: number
  hostPort: number
  hostIp?: string
  protocol: 'TCP' | 'UDP'
}

export type NetworkChoice = { kind: 'own' } | { kind: 'host' } | { kind: 'shared'; withId: string }

/** Where a program may leave a word about its end. */
export interface Termination {
  /** What is in this file by then is told, up to 4 KiB from its end. Absolute and without `..`. */
  path: string
  /** One that failed and has written nothing there is told by the end of its log. */
  orLogs: boolean
  /** The pod's own on this device, taken away with it; need not be there. For drivers that need a file outside. */
  folder: string
}

export interface ContainerSpec {
  identity: ContainerIdentity
  image: string
  /** Replaces the image's entrypoint; undefined keeps it. */
  command?: readonly string[]
  args?: readonly string[]
  env: readonly (readonly [name: string, value: string])[]
  workingDir?: string
  hostname?: string
  mounts: readonly Mount[]
  ports: readonly PortMapping[]
  network: NetworkChoice
  /** extra /etc/hosts lines: [address, name]. */
  hostAliases: readonly (readonly [address: string, name: string])[]
  dns?: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] }
  resources: { cpuLimitMilli?: number; cpuRequestMilli?: number; memoryLimitBytes?: number }
  security: {
    runAsUser?: number
    runAsGroup?: number
    supplementalGroups?: readonly number[]
    readOnlyRootFilesystem?: boolean
    privileged?: boolean
    addCapabilities?: readonly string[]
    dropCapabilities?: readonly string[]
    noNewPrivileges?: boolean
    /** It sees the processes, or shares the memory segments, of the device; a plain process does anyway. */
    hostPid?: boolean
    hostIpc?: boolean
    /** Id of the running container whose processes it sees, and with it ends. */
    processesOf?: string
  }
  stdin: boolean
  stdinOnce: boolean
  tty: boolean
  /** Absent: nothing is told but its exit code. */
  termination?: Termination
}

// What shells and engines answer for a command that did not run: it is there and may not be executed, it is not there, or
// it is not at fault.
export const NOT_EXECUTABLE_EXIT = 126
export const NOT_FOUND_EXIT = 127
export const CANNOT_START_EXIT = 128

export interface ObservedContainer {
  id: string
  identity: ContainerIdentity
  state: 'created' | 'running' | 'exited'
  /** Wall time of the device, milliseconds. */
  createdAtMs: number
  startedAtMs?: number
  finishedAtMs?: number
  /** Of one that could not start: the first two of these when its command cannot be run, wherever it is tried. */
  exitCode?: number
  signal?: number
  outOfMemory?: boolean
  /** The runtime's own words when it could not start. */
  error?: string
  /** What the program said about its end. */
  terminationMessage?: string
  image: string
  imageId: string
  /** Address in the container network, where there is one. */
  ip?: string
  pid?: number
}

export interface ImageInfo {
  id: string
  /** Runs as this user unless the pod says otherwise; "" is root. */
  user: string
}

/** Of the layers that have begun to come; how many more there are nobody tells. */
export interface PullProgress {
  doneBytes: number
  totalBytes: number
}

export interface PullRequest {
  image: string
  credentials?: { username: string; password: string; server: string }
  signal: AbortSignal
  onProgress?(progress: PullProgress): void
}

export interface RuntimeInfo {
  name: RuntimeName
  /** "docker://20.10.24", "podman://4.3.1", "process://20.20.2". */
  version: string
  os: string
  architecture: string
}

export interface LogRequest {
  follow: boolean
  tailLines?: number
  sinceMs?: number
  limitBytes?: number
  timestamps: boolean
  signal: AbortSignal
}

export interface ExecRequest {
  command: readonly string[]
  tty: boolean
  stdin?: Readable
  stdout?: Writable
  stderr?: Writable
  signal: AbortSignal
  onResize?(listener: (columns: number, rows: number) => void): void
}

export interface ContainerUsage {
  id: string
  /** CPU time used since start; two samples give a rate. */
  cpuNanos: number
  memoryBytes: number
  /** Monotonic moment of the sample. */
  sampledAtMonoMs: number
}

/** "Something happened to this container; look at it." Never the only source: callers list periodically too. */
export type RuntimeEvent =
  | { kind: 'changed'; id: string; podUid: string }
  | { kind: 'relist' }
  | { kind: 'unavailable'; error: string }

export interface Runtime extends Service {
  readonly name: RuntimeName
  /** Throws RuntimeUnavailable. */
  info(): Promise<RuntimeInfo>
  /** All containers of ours, stopped ones included. Throws RuntimeUnavailable; never answers with less than it has. */
  list(): Promise<readonly ObservedContainer[]>
  inspect(id: string): Promise<ObservedContainer | undefined>
  onEvent(listener: (event: RuntimeEvent) => void): () => void
  /** undefined when the image is not on this device. */
  findImage(image: string): Promise<ImageInfo | undefined>
  /** Throws ImageError; also when nothing comes for too long. */
  pull(request: PullRequest): Promise<ImageInfo>
  /** Makes the container without starting it; returns its id. A leftover of the same name and hash is taken over. */
  createContainer(spec: ContainerSpec): Promise<string>
  /** The sandbox that the containers of one pod share their network through. */
  createSandbox(spec: Omit<ContainerSpec, 'image' | 'command' | 'args'>): Promise<string>
  /** Starting what runs is fine. */
  startContainer(id: string): Promise<void>
  /** Sends the signal (TERM unless told); the caller decides when grace is over and sends KILL. Gone or ended is fine. */
  signalContainer(id: string, signal: 'SIGTERM' | 'SIGKILL' | (string & {})): Promise<void>
  /** Removes an ended container, or any with force. Gone is fine. */
  removeContainer(id: string, options: { force: boolean }): Promise<void>
  logs(id: string, request: LogRequest, out: Writable, err: Writable): Promise<void>
  /** Resolves with the exit code. */
  exec(id: string, request: ExecRequest): Promise<number>
  attach(id: string, request: Omit<ExecRequest, 'command'>): Promise<void>
  /** A TCP connection to the port inside the container, for probes and port-forward. */
  dial(id: string, port: number): Promise<{ address: string; port: number }>
  usage(ids: readonly string[]): Promise<readonly ContainerUsage[]>
}
