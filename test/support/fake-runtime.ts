// fake-runtime.ts - the one fake: a runtime in memory, scripted, deterministic, held to the drivers' contract suite
import { Writable, type Readable } from 'node:stream'
import {
  ImageError,
  RuntimeUnavailable,
  StartError,
  type ContainerSpec,
  type ObservedContainer,
  type Runtime,
  type RuntimeEvent,
  type RuntimeName,
} from '../../agent/runtime/runtime.ts'
import type { Clock } from '../../shared/clock.ts'
import { createFakeContainer, type FakeBehaviour, type FakeContainer } from './fake-container.ts'
import { createFakeImages, type FakeImages } from './fake-images.ts'
import { readFakeLogs } from './fake-logs.ts'

/** What was asked of the runtime, in order. */
export interface FakeAction {
  do: 'pull' | 'create' | 'sandbox' | 'start' | 'signal' | 'remove' | 'exec' | 'attach' | 'logs' | 'dial'
  id?: string
  container?: string
  image?: string
  signal?: string
  command?: readonly string[]
}

type Call = FakeAction['do'] | 'info' | 'list' | 'inspect' | 'findImage' | 'usage'

export interface FakeRuntime extends Runtime {
  readonly images: FakeImages
  readonly actions: readonly FakeAction[]
  /** The last matching rule wins; a text matches the image, or the command and arguments joined by spaces. */
  behave(match: string | ((spec: ContainerSpec) => boolean), behaviour: FakeBehaviour): void
  /** The containers as they are, also while the runtime is unavailable. */
  containers(): readonly ObservedContainer[]
  spec(id: string): ContainerSpec | undefined
  /** The program inside ends by itself. */
  exit(id: string, exitCode: number): void
  write(id: string, stream: 'stdout' | 'stderr', text: string): void
  /** Somebody signals its processes past the runtime, which sees them end. */
  fell(id: string, signal: string): void
  setAvailable(available: boolean): void
  /** The next call of this kind throws the error and does nothing. */
  failNext(call: Call, error: Error): void
  /** Power was lost: what ran has ended (or is gone), and the runtime tells its listeners to list again. */
  reboot(containers?: 'exited' | 'gone'): void
}

export interface FakeRuntimeDeps {
  clock: Clock
  name?: RuntimeName
  /** Images that are there from the start. */
  images?: readonly string[]
}

/** Docker marks what a power cut ended with 255. */
const POWER_LOSS_EXIT = 255
const PAUSE_IMAGE = 'holdfast/pause:1'

export function createFakeRuntime({ clock, name = 'docker', images: present = [] }: FakeRuntimeDeps): FakeRuntime {
  const images = createFakeImages(clock)
  for (const image of [...present, PAUSE_IMAGE]) images.add(image)
  const containers = new Map<string, FakeContainer>()
  const rules: { matches: (spec: ContainerSpec) => boolean; behaviour: FakeBehaviour }[] = []
  const listeners = new Set<(event: RuntimeEvent) => void>()
  const actions: FakeAction[] = []
  const failures = new Map<Call, Error[]>()
  let available = true
  let made = 0

  const emit = (event: RuntimeEvent) => {
    for (const listener of listeners) listener(event)
  }
  const begin = (call: Call) => {
    if (!available) throw new RuntimeUnavailable('the fake runtime is switched off')
    const failure = failures.get(call)?.shift()
    if (failure) throw failure
  }
  const record = (call: FakeAction['do'], rest: Omit<FakeAction, 'do'>) => {
    begin(call)
    actions.push({ do: call, ...rest })
  }
  const named = (id: string) => ({ id, container: containers.get(id)?.spec.identity.container ?? '' })
  const running = (id: string) => {
    const container = containers.get(id)
    if (!container) throw new Error(`no such container: ${id}`)
    if (container.observe().state !== 'running') throw new Error(`container ${id} is not running`)
    return container
  }
  const create = (spec: ContainerSpec) => {
    const image = images.find(spec.image)
    if (!image) throw new StartError('CreateContainerError', `No such image: ${spec.image}`)
    const behaviour = rules.findLast((rule) => rule.matches(spec))?.behaviour ?? {}
    if (behaviour.failsToCreate !== undefined) throw new StartError('CreateContainerError', behaviour.failsToCreate)
    for (const [id, other] of containers) {
      if (!sameName(other.spec, spec)) continue
      if (other.spec.identity.specHash === spec.identity.specHash) return id
      containers.delete(id)
    }
    const id = `fake-${++made}`
    const container = createFakeContainer({ id, spec, imageId: image.id, behaviour, ip: address(spec, made), clock })
    let state: string | undefined
    container.onChange(() => {
      if (state === container.observe().state) return
      state = container.observe().state
      emit({ kind: 'changed', id, podUid: spec.identity.podUid })
    })
    containers.set(id, container)
    return id
  }
  const address = ({ network }: ContainerSpec, number: number) => {
    if (network.kind === 'own') return `10.88.${number >> 8}.${number & 255}`
    return network.kind === 'shared' ? containers.get(network.withId)?.observe().ip : undefined
  }

  return {
    name,
    images,
    actions,
    start: () => emit({ kind: 'relist' }),
    stop() {
      listeners.clear()
    },
    behave(match, behaviour) {
      const matches = typeof match === 'function' ? match : (spec: ContainerSpec) => isText(spec, match)
      rules.push({ matches, behaviour })
    },
    containers: () => [...containers.values()].map((container) => container.observe()),
    spec: (id) => containers.get(id)?.spec,
    exit: (id, exitCode) => containers.get(id)?.end(exitCode),
    write: (id, stream, text) => containers.get(id)?.write(stream, text),
    fell: (id, signal) => containers.get(id)?.signal(signal),
    setAvailable(next) {
      if (available === next) return
      available = next
      emit(next ? { kind: 'relist' } : { kind: 'unavailable', error: 'the fake runtime is switched off' })
    },
    failNext: (call, error) => void failures.set(call, [...(failures.get(call) ?? []), error]),
    reboot(after = 'exited') {
      for (const container of containers.values()) container.end(POWER_LOSS_EXIT)
      if (after === 'gone') containers.clear()
      emit({ kind: 'relist' })
    },

    async info() {
      begin('info')
      return { name, version: `${name}://1.0.0`, os: 'linux', architecture: 'amd64' }
    },
    async list() {
      begin('list')
      return [...containers.values()].map((container) => container.observe())
    },
    async inspect(id) {
      begin('inspect')
      return containers.get(id)?.observe()
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async findImage(image) {
      begin('findImage')
      return images.find(image)
    },
    async pull(request) {
      record('pull', { image: request.image })
      if (!/^[a-z0-9]/.test(request.image))
        throw new ImageError('InvalidImageName', `couldn't parse image name "${request.image}"`)
      return images.pull(request)
    },
    async createContainer(spec) {
      record('create', { container: spec.identity.container, image: spec.image })
      return create(spec)
    },
    async createSandbox(spec) {
      record('sandbox', {})
      return create({ ...spec, image: PAUSE_IMAGE })
    },
    async startContainer(id) {
      record('start', named(id))
      const container = containers.get(id)
      if (!container) throw new StartError('RunContainerError', `No such container: ${id}`)
      const problem = container.start()
      if (problem !== undefined) throw new StartError('RunContainerError', problem)
    },
    async signalContainer(id, signal) {
      record('signal', { ...named(id), signal })
      containers.get(id)?.signal(signal)
    },
    async removeContainer(id, { force }) {
      record('remove', named(id))
      const container = containers.get(id)
      if (!container) return
      if (container.observe().state === 'running' && !force) throw new Error(`container ${id} is running`)
      container.signal('SIGKILL')
      containers.delete(id)
      emit({ kind: 'changed', id, podUid: container.spec.identity.podUid })
    },
    async logs(id, request, out, err) {
      record('logs', named(id))
      const container = containers.get(id)
      if (!container) throw new Error(`no such container: ${id}`)
      await readFakeLogs(container, request, out, err)
    },
    async exec(id, { command, stdin, stdout, stderr }) {
      record('exec', { ...named(id), command })
      const { behaviour } = running(id)
      const input = await textOf(stdin)
      const answer = behaviour.exec?.(command, input) ?? { stdout: command.join(' '), exitCode: 0 }
      if (answer.stdout) stdout?.write(answer.stdout)
      if (answer.stderr) stderr?.write(answer.stderr)
      return answer.exitCode
    },
    async attach(id, { signal, stdout, stderr }) {
      record('attach', named(id))
      const request = { follow: true, tailLines: 0, timestamps: false, signal }
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      await readFakeLogs(running(id), request, stdout ?? nowhere, stderr ?? nowhere)
    },
    async dial(id, port) {
      record('dial', { ...named(id) })
      const target = running(id).behaviour.dial?.(port)
      return target ?? { address: '127.0.0.1', port: CLOSED_PORT }
    },
    async usage(ids) {
      begin('usage')
      const known = ids.filter((id) => containers.get(id)?.observe().state === 'running')
      return known.map((id) => ({ id, cpuNanos: 1e6, memoryBytes: 1 << 20, sampledAtMonoMs: clock.monoMs() }))
    },
  }
}

/** Nothing ever listens on tcpmux of a test machine: connecting is refused, as for a container without a server. */
const CLOSED_PORT = 1

const sameName = (one: ContainerSpec, other: ContainerSpec) =>
  one.identity.podUid === other.identity.podUid &&
  one.identity.container === other.identity.container &&
  one.identity.attempt === other.identity.attempt

const isText = (spec: ContainerSpec, text: string) =>
  spec.image === text || [...(spec.command ?? []), ...(spec.args ?? [])].join(' ') === text

async function textOf(stdin: Readable | undefined) {
  let text = ''
  for await (const chunk of stdin ?? []) text += String(chunk)
  return text
}
