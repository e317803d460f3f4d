// fake-container.ts - the life of one container of the fake runtime: scripted, and driven by the clock alone
import type { Clock, Timer } from '../../shared/clock.ts'
import type { ContainerSpec, ObservedContainer } from '../../agent/runtime/runtime.ts'

/** How containers behave once started; what is not said is "runs until it is told to stop, and stops when told". */
export interface FakeBehaviour {
  /** Ends by itself after this long. */
  exitAfterMs?: number
  exitCode?: number
  outOfMemory?: boolean
  ignoresTerm?: boolean
  /** Takes this long to end after TERM. */
  termMs?: number
  exitCodeOnTerm?: number
  /** `start` throws a StartError with these words. */
  failsToStart?: string
  /** What the runtime notes of that; unless told, that there is no such command. */
  failsToStartWith?: number
  /** `create` throws a StartError with these words. */
  failsToCreate?: string
  /** What it has written to its termination message path by its end. */
  lastWord?: string
  /** Lines written at start. */
  stdout?: readonly string[]
  stderr?: readonly string[]
  /** What exec answers; unless told, the command itself on stdout and 0. */
  exec?(command: readonly string[], stdin: string): { stdout?: string; stderr?: string; exitCode: number }
  /** Where `dial` leads; unless told, nothing listens. */
  dial?(port: number): { address: string; port: number }
}

export interface FakeLine {
  atMs: number
  stream: 'stdout' | 'stderr'
  text: string
}

/** TERM and KILL end a program with 128 + the signal's number, as a shell and Docker show it. */
const TERM_EXIT = 143
const KILL_EXIT = 137

export interface FakeContainer {
  readonly spec: ContainerSpec
  readonly behaviour: FakeBehaviour
  readonly lines: readonly FakeLine[]
  observe(): ObservedContainer
  /** Answers why not, or undefined when it runs now. */
  start(): string | undefined
  signal(name: string): void
  end(exitCode: number): void
  write(stream: FakeLine['stream'], text: string): void
  /** After every change of state and every line. */
  onChange(listener: () => void): () => void
}

export interface FakeContainerDeps {
  id: string
  spec: ContainerSpec
  imageId: string
  behaviour: FakeBehaviour
  ip: string | undefined
  clock: Clock
}

export function createFakeContainer({ id, spec, imageId, behaviour, ip, clock }: FakeContainerDeps): FakeContainer {
  const lines: FakeLine[] = []
  const listeners = new Set<() => void>()
  let ends: Timer | undefined
  let seen: ObservedContainer = {
    id,
    identity: spec.identity,
    state: 'created',
    createdAtMs: clock.wallMs(),
    image: spec.image,
    imageId,
  }
  const become = (change: Partial<ObservedContainer>) => {
    seen = { ...seen, ...change }
    for (const listener of listeners) listener()
  }
  const write = (stream: FakeLine['stream'], text: string) => {
    lines.push({ atMs: clock.wallMs(), stream, text })
    for (const listener of listeners) listener()
  }
  const lastWord = (exitCode: number) => {
    if (!spec.termination) return {}
    const { lastWord: written = '' } = behaviour
    const ofLog = spec.termination.orLogs && exitCode !== 0 ? lines.slice(-80).map(({ text }) => `${text}\n`) : []
    const message = written === '' ? ofLog.join('').slice(-2_048) : written.slice(-4_096)
    return message === '' ? {} : { terminationMessage: message }
  }
  const end = (exitCode: number) => {
    if (seen.state !== 'running') return
    ends?.cancel()
    const { ip: _gone, pid: _ended, ...rest } = seen
    seen = rest
    const outOfMemory = behaviour.outOfMemory ? { outOfMemory: true } : {}
    become({ state: 'exited', finishedAtMs: clock.wallMs(), exitCode, ...outOfMemory, ...lastWord(exitCode) })
  }
  return {
    spec,
    behaviour,
    lines,
    observe: () => seen,
    start() {
      if (seen.state === 'running') return undefined
      if (behaviour.failsToStart !== undefined) {
        become({ error: behaviour.failsToStart, exitCode: behaviour.failsToStartWith ?? 127 })
        return behaviour.failsToStart
      }
      become({ state: 'running', startedAtMs: clock.wallMs(), pid: 1, ...(ip === undefined ? {} : { ip }) })
      for (const text of behaviour.stdout ?? []) write('stdout', text)
      for (const text of behaviour.stderr ?? []) write('stderr', text)
      if (behaviour.exitAfterMs !== undefined)
        ends = clock.after(behaviour.exitAfterMs, () =>
          end(behaviour.exitCode ?? (behaviour.outOfMemory ? KILL_EXIT : 0)),
        )
      return undefined
    },
    signal(name) {
      if (seen.state !== 'running') return
      if (name === 'SIGKILL') return end(KILL_EXIT)
      if (name !== 'SIGTERM' || behaviour.ignoresTerm) return
      const exitCode = behaviour.exitCodeOnTerm ?? TERM_EXIT
      if (!behaviour.termMs) return end(exitCode)
      ends?.cancel()
      ends = clock.after(behaviour.termMs, () => end(exitCode))
    },
    end,
    write,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
