// message-contract.ts - what a program says about its own end, in every runtime
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Termination } from '../../agent/runtime/runtime.ts'
import { exec, readLogs } from './conversation.ts'
import type { Check, Contract } from './harness.ts'

const PATH = '/dev/termination-log'

/** As the agent asks for it: a folder of the pod's own. */
function termination({ harness, spec }: Contract, change: Partial<Termination> = {}) {
  const folder = join(harness.folder, spec('runs').identity.podUid, 'messages')
  return { termination: { path: PATH, orLogs: false, folder, ...change } }
}

export const messageContract = (): Record<string, Check> => ({
  'what a program writes to its termination message path is told when it has ended, to the next agent too': {
    async run(t, contract) {
      const { runtime, run, untilExited, harness } = contract
      const id = await run('leavesWord', termination(contract))
      await untilExited(id)
      t.match(await runtime.inspect(id), { exitCode: 3, terminationMessage: 'no database' })
      const successor = await harness.open()
      await successor.start()
      t.teardown(() => successor.stop())
      const found = (await successor.list()).find((container) => container.id === id)
      t.match(found, { exitCode: 3, terminationMessage: 'no database' })
    },
  },
  'a program that writes no word has none, nor has one that nobody asked': {
    async run(t, contract) {
      const { runtime, run, untilExited } = contract
      const silent = await run('fails', termination(contract))
      const plain = await run('fails', { identity: { container: 'plain' } })
      for (const id of [silent, plain]) {
        await untilExited(id)
        t.notOk('terminationMessage' in ((await runtime.inspect(id)) ?? {}))
      }
    },
  },
  'of a long message the end is told, 4 KiB of it': {
    async run(t, contract) {
      const { runtime, run, untilExited } = contract
      const id = await run('leavesMuch', termination(contract))
      await untilExited(id)
      const { terminationMessage = '' } = (await runtime.inspect(id)) ?? {}
      t.equal(Buffer.byteLength(terminationMessage), 4_096)
      t.match(terminationMessage, /\n2999\n3000\n$/)
    },
  },
  'one that failed without a word is told by the last 80 lines of its log, or 2 KiB of them, if the pod says so': {
    async run(t, contract) {
      const { runtime, run, untilExited } = contract
      const asked = termination(contract, { orLogs: true })
      const told = async (...given: Parameters<Contract['run']>) => {
        const id = await run(...given)
        await untilExited(id)
        return (await runtime.inspect(id))?.terminationMessage
      }
      const eighty = Array.from({ length: 80 }, (_, index) => `${index + 21}\n`).join('')
      t.equal(await told('complains', asked), eighty)
      const long = await told('complainsAtLength', { ...asked, identity: { container: 'long' } })
      t.match(long, /^0{1999,}7\n?$/)
      t.equal(Buffer.byteLength(long ?? ''), 2_048)
      t.equal(await told('counts', { ...asked, identity: { container: 'fine' } }), undefined, 'it has not failed')
      t.equal(await told('leavesWord', { ...asked, identity: { container: 'word' } }), 'no database')
      t.equal(await told('complains', { ...termination(contract), identity: { container: 'file' } }), undefined)
    },
  },
  'each container and each attempt has a file of its own, which is empty at first': {
    needs: 'programs',
    async run(t, contract) {
      const { runtime, run, untilExited } = contract
      const asked = termination(contract)
      for (const identity of [{ attempt: 0 }, { attempt: 1 }, { container: 'other' }]) {
        const id = await run('findsWord', { ...asked, identity })
        await untilExited(id)
        t.equal((await readLogs(runtime, id)).all, '', 'it found nothing there')
        t.match(await runtime.inspect(id), { exitCode: 0, terminationMessage: 'mine' })
      }
    },
  },
  'a program of another user on a read-only root can write it, wherever the pod wants it': {
    needs: 'users',
    async run(t, contract) {
      const { runtime, run, untilExited } = contract
      const command = ['sh', '-c', 'printf why > ${HOLDFAST_ROOT:-}/var/why; printf 7 > /etc/forbidden; exit 4']
      const security = { readOnlyRootFilesystem: true, runAsUser: 1234, runAsGroup: 1234 }
      const id = await run('runs', { ...termination(contract, { path: '/var/why' }), command, security })
      await untilExited(id)
      t.match(await runtime.inspect(id), { exitCode: 4, terminationMessage: 'why' })
    },
  },
  'a volume that has the path, or keeps it from being made, is left as it is': {
    needs: 'programs',
    async run(t, contract) {
      const { runtime, run } = contract
      const source = t.testdir({ why: '' })
      const volume = { source, target: '/data', readOnly: true, type: 'bind' } as const
      const inside = await run('runs', { ...termination(contract, { path: '/data/why' }), mounts: [volume] })
      t.match(await runtime.inspect(inside), { state: 'running' })
      const same = { ...termination(contract, { path: '/data' }), mounts: [volume], identity: { container: 'same' } }
      const at = await run('runs', same)
      t.match(await runtime.inspect(at), { state: 'running' })
      t.equal((await exec(runtime, at, ['sh', '-c', 'ls ${HOLDFAST_ROOT:-}/data'])).out, 'why\n')
    },
  },
  'the file goes with its container, and a leftover that is taken over keeps its own': {
    needs: 'messageFiles',
    async run(t, contract) {
      const { runtime, create, run, untilExited } = contract
      const asked = termination(contract)
      const { folder } = asked.termination
      const files = () => (existsSync(folder) ? readdirSync(folder) : [])
      const id = await create('leavesWord', asked)
      const [own] = files()
      t.equal(await create('leavesWord', asked), id)
      t.same(files(), [own])
      await runtime.startContainer(id)
      await untilExited(id)
      t.match(await runtime.inspect(id), { terminationMessage: 'no database' })
      const other = await run('runs', { ...asked, identity: { specHash: 'hash-2' } })
      t.equal(files().length, 1)
      t.notSame(files(), [own])
      await runtime.removeContainer(other, { force: true })
      t.same(files(), [])
    },
  },
})
