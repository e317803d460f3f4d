// docker-messages.ts - the file in which a container leaves a word about its end: mounted into it, read after it, gone with it
//
// What is below /dev in a container is gone when it ends, so the engine cannot be asked for it then: the file lies on the
// device. An engine on another machine cannot mount it. That is no reason not to start anything there: only the message
// is missing, and the end of the log stands in for it where the pod asks for that.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Dockerode } from './docker-client.ts'
import { MESSAGE_FILE_LABEL, MESSAGE_POLICY_LABEL, OR_LOGS } from './docker-identity.ts'
import { StartError, type ContainerSpec, type LogRequest, type ObservedContainer, type Runtime } from './runtime.ts'
import { isTerminationPathFree, terminationMessage } from './termination-message.ts'

export interface DockerMessagesDeps {
  logs: Runtime['logs']
  clock: Clock
  random: Random
  log: Log
}

type Inspected = Dockerode.ContainerInspectInfo

export interface DockerMessages {
  /** A new, empty file; undefined when this container cannot have one. */
  make(spec: ContainerSpec): string | undefined
  /** The container has been made with it. */
  keep(id: string, file: string | undefined): void
  /** The engine would not mount the file: until another engine answers it is not asked again. */
  isRefusal(file: string, error: unknown): boolean
  withMessage(inspected: Inspected, observed: ObservedContainer): Promise<ObservedContainer>
  drop(file: string | undefined): void
  /** The container is gone. */
  forget(id: string): void
  keepOnly(ids: ReadonlySet<string>): void
  otherEngine(): void
}

interface Known {
  file: string | undefined
  ended?: { atMs: number | undefined; message: string }
}

export function createDockerMessages({ logs, clock, random, log }: DockerMessagesDeps): DockerMessages {
  const known = new Map<string, Known>()
  let isElsewhere = false
  let hasFailed = false

  function drop(file: string | undefined) {
    if (file === undefined) return
    try {
      rmSync(file, { force: true })
    } catch (error) {
      // It goes with the pod's folder.
      log.debug({ file, error }, 'a termination message could not be removed')
    }
  }

  return {
    make(spec) {
      const { termination } = spec
      if (!termination || isElsewhere || !isTerminationPathFree(spec)) return undefined
      const file = join(termination.folder, random.uuid())
      try {
        mkdirSync(termination.folder, { recursive: true, mode: 0o700 })
        writeFileSync(file, '')
        // Whatever user it runs as; nobody else gets as far as the folder.
        chmodSync(file, 0o666)
        hasFailed = false
        return file
      } catch (error) {
        // A full disk must not keep a container from its start.
        if (!hasFailed) log.warn({ file, error }, 'containers start without a file for their termination message')
        hasFailed = true
        return undefined
      }
    },
    keep: (id, file) => void known.set(id, { file }),
    isRefusal(file, error) {
      if (!(error instanceof StartError) || !error.message.includes(file)) return false
      isElsewhere = true
      log.warn({ error }, 'the engine does not see the files of this agent: termination messages are not kept')
      return true
    },
    async withMessage(inspected, observed) {
      const { id, finishedAtMs: atMs, exitCode, state } = observed
      const { Labels: labels } = inspected.Config
      const file = labels[MESSAGE_FILE_LABEL]
      const before = known.get(id) ?? { file }
      if (state !== 'exited' || (file === undefined && labels[MESSAGE_POLICY_LABEL] === undefined)) {
        known.set(id, { file })
        return observed
      }
      // Once is enough: every look at the device would ask the engine for the log again.
      const isNews = before.ended === undefined || before.ended.atMs !== atMs
      const ask = (request: LogRequest, out: Writable) => logs(id, request, out, out)
      const termination = { orLogs: labels[MESSAGE_POLICY_LABEL] === OR_LOGS }
      const message = isNews
        ? await terminationMessage({ termination, file, exitCode, logs: ask, clock })
        : (before.ended?.message ?? '')
      known.set(id, { file, ended: { atMs, message } })
      return message === '' ? observed : { ...observed, terminationMessage: message }
    },
    drop,
    forget(id) {
      drop(known.get(id)?.file)
      known.delete(id)
    },
    keepOnly(ids) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    },
    otherEngine: () => void (isElsewhere = false),
  }
}
