// life-contract.ts - create, start, end, stop, remove, adopt: the life of a container in every runtime
import { RuntimeUnavailable, StartError, type Runtime } from '../../agent/runtime/runtime.ts'
import { systemClock } from '../../shared/clock.ts'
import { eventually } from '../support/eventually.ts'
import { containerSpec } from '../support/container-spec.ts'
import { readLogs } from './conversation.ts'
import type { Check } from './harness.ts'

export const lifeContract = (): Record<string, Check> => ({
  'a container is created, starts, runs, and shows all of it': {
    async run(t, { runtime, create, spec }) {
      const id = await create('runs')
      const created = await runtime.inspect(id)
      t.match(created, { id, state: 'created', identity: spec('runs').identity })
      t.equal(created?.startedAtMs, undefined)
      await runtime.startContainer(id)
      await runtime.startContainer(id)
      const running = (await runtime.list()).find((container) => container.id === id)
      t.match(running, { state: 'running', image: spec('runs').image })
      t.ok(Math.abs((running?.startedAtMs ?? 0) - systemClock.wallMs()) < 60_000, 'started about now')
      t.equal(running?.exitCode, undefined)
    },
  },
  'a program that ends shows its exit code and when it ended': {
    async run(t, { runtime, run, untilExited }) {
      const [fine, failed] = [await run('ends'), await run('fails', { identity: { container: 'other' } })]
      await untilExited(fine)
      await untilExited(failed)
      t.match(await runtime.inspect(fine), { state: 'exited', exitCode: 0 })
      const seen = await runtime.inspect(failed)
      t.match(seen, { state: 'exited', exitCode: 3 })
      t.ok((seen?.finishedAtMs ?? 0) >= (seen?.startedAtMs ?? Infinity), 'ended after it began')
    },
  },
  'the end of a program is told, so that nobody has to ask': {
    async run(t, { run, events, spec }) {
      const id = await run('fails')
      const { podUid } = spec('fails').identity
      const told = () => events.filter((event) => event.kind === 'changed' && event.id === id)
      await eventually(() => told().length >= 2)
      t.match(told().at(-1), { kind: 'changed', id, podUid })
    },
  },
  'TERM ends a program that listens; KILL ends one that does not': {
    async run(t, { runtime, run, untilExited }) {
      const polite = await run('runs')
      const stubborn = await run('ignoresTerm', { identity: { container: 'stubborn' } })
      for (const id of [polite, stubborn]) await untilSpoken(runtime, id)
      for (const id of [polite, stubborn]) await runtime.signalContainer(id, 'SIGTERM')
      await untilExited(polite)
      t.match(await runtime.inspect(polite), { exitCode: 0 })
      t.match(await runtime.inspect(stubborn), { state: 'running' })
      await runtime.signalContainer(stubborn, 'SIGKILL')
      await untilExited(stubborn)
      t.match(await runtime.inspect(stubborn), { exitCode: 137 })
    },
  },
  'signals to what has ended or is gone are fine': {
    async run(t, { runtime, run, untilExited }) {
      const id = await run('ends')
      await untilExited(id)
      await runtime.signalContainer(id, 'SIGTERM')
      await runtime.removeContainer(id, { force: false })
      await runtime.signalContainer(id, 'SIGKILL')
      await runtime.removeContainer(id, { force: false })
      t.equal(await runtime.inspect(id), undefined)
    },
  },
  'what runs is removed only by force': {
    async run(t, { runtime, run }) {
      const id = await run('runs')
      await t.rejects(runtime.removeContainer(id, { force: false }))
      t.match(await runtime.inspect(id), { state: 'running' })
      await runtime.removeContainer(id, { force: true })
      t.equal(await runtime.inspect(id), undefined)
      t.notOk((await runtime.list()).some((container) => container.id === id))
    },
  },
  'a leftover of the same make is taken over, one of another make is replaced': {
    async run(t, { runtime, create, run }) {
      const id = await run('runs')
      t.equal(await create('runs'), id)
      t.match(await runtime.inspect(id), { state: 'running' })
      const replaced = await create('runs', { identity: { specHash: 'hash-2' } })
      t.not(replaced, id)
      t.equal(await runtime.inspect(id), undefined)
      const nextAttempt = await create('runs', { identity: { specHash: 'hash-2', attempt: 1 } })
      t.not(nextAttempt, replaced)
    },
  },
  'a command that does not exist is told as an error of this container': {
    needs: 'programs',
    async run(t, { runtime, create }) {
      const id = await create('runs', { command: ['there-is-no-such-command'] })
      const error = await runtime.startContainer(id).then(undefinedOf, errorOf)
      t.ok(error instanceof StartError)
      t.match(error, { reason: 'RunContainerError', message: /no such file|not found/i })
      const seen = await runtime.inspect(id)
      t.not(seen?.state, 'running')
      t.equal(seen?.exitCode, 127, 'so that nobody tries again who runs things once')
      if (seen?.error !== undefined) t.match(seen.error, /not found|no such file/i)
    },
  },
  'another agent on the same device finds what runs, sees it end, and can stop it': {
    async run(t, { runtime, run, harness, untilExited }) {
      const [ends, runs] = [await run('endsSoon'), await run('runs', { identity: { container: 'other' } })]
      const before = await runtime.inspect(runs)
      await runtime.stop()
      const successor = await harness.open()
      await successor.start()
      t.teardown(() => successor.stop())
      const found = (await successor.list()).find((container) => container.id === runs)
      t.match(found, { state: 'running', identity: before?.identity, startedAtMs: before?.startedAtMs })
      await untilExited(ends)
      t.match(await successor.inspect(ends), { state: 'exited', exitCode: 0 })
      await untilSpoken(successor, runs)
      await successor.signalContainer(runs, 'SIGTERM')
      await eventually(async () => (await successor.inspect(runs))?.state === 'exited')
      t.match(await successor.inspect(runs), { exitCode: 0 })
    },
  },
  'what is not ours is neither listed nor touched, even when it has our name': {
    needs: 'foreigners',
    async run(t, { runtime, harness, spec }) {
      const foreign = await harness.makeForeign(spec('runs'))
      const { podUid } = spec('runs').identity
      t.notOk((await runtime.list()).some((container) => container.identity.podUid === podUid))
      const error = await runtime.createContainer(spec('runs')).then(undefinedOf, errorOf)
      t.match(error, { name: 'StartError', reason: 'CreateContainerError' })
      t.ok(await foreign.isUntouched())
    },
  },
  'a runtime that does not answer is unavailable: it never says that there is nothing': {
    async run(t, { harness }) {
      const runtime = await harness.openUnavailable()
      const spec = containerSpec({ image: harness.image, command: ['sh'] })
      for (const [call, answer] of Object.entries({
        list: () => runtime.list(),
        inspect: () => runtime.inspect('x'),
        create: () => runtime.createContainer(spec),
        remove: () => runtime.removeContainer('x', { force: true }),
        signal: () => runtime.signalContainer('x', 'SIGTERM'),
      })) {
        const error = await answer().then(undefinedOf, errorOf)
        t.ok(error instanceof RuntimeUnavailable, `${call} throws RuntimeUnavailable`)
      }
    },
  },
})

const undefinedOf = () => undefined
const errorOf = (error: unknown) => error

/** Until the program is up and has its traps in place. */
async function untilSpoken(runtime: Runtime, id: string) {
  await eventually(async () => (await readLogs(runtime, id)).all.includes('started'))
}
