// process-life.test.ts - plain processes outlive the agent: kill -9, an interrupted start, a power cut, a full log
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import t from 'tap'
import { createProcessRuntime } from '../../../agent/runtime/process.ts'
import { rotateLog } from '../../../agent/runtime/process-logs.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog, type Log } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { readLogs } from '../../contract/conversation.ts'
import { containerSpec, type SpecChange } from '../../support/container-spec.ts'
import { eventually } from '../../support/eventually.ts'
import { skipOffLinux } from '../../support/require.ts'

const skip = skipOffLinux() ?? false

function runtimeAt(t: Test, root: string, log: Log = silentLog) {
  const runtime = createProcessRuntime({
    root,
    clock: systemClock,
    random: systemRandom,
    log,
    searchPath: '/usr/bin:/bin',
    nodePath: process.execPath,
  })
  t.teardown(async () => {
    for (const { id } of await runtime.list()) await runtime.removeContainer(id, { force: true })
    await runtime.stop()
  })
  return runtime
}

const script = (text: string, change: SpecChange = {}) => containerSpec({ command: ['sh', '-c', text], ...change })

void t.test('A process, its output and its exit code survive a kill -9 of the agent', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const module = fileURLToPath(new URL('./process-agent.js', import.meta.url))
  const agent = spawn(process.execPath, [module, root], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line]: Buffer[] = await once(agent.stdout, 'data')
  agent.kill('SIGKILL')
  await once(agent, 'exit')
  const runtime = runtimeAt(t, root)
  const id = String(line).trim()
  t.match(await runtime.inspect(id), { state: 'running', identity: containerSpec().identity })
  await eventually(async () => (await runtime.inspect(id))?.state === 'exited')
  t.match(await runtime.inspect(id), { exitCode: 7 })
  t.equal((await readLogs(runtime, id)).all, 'before\nafter\n')
})

void t.test('A start that was cut off before it was written down is found by its mark', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const first = runtimeAt(t, root)
  const id = await first.createContainer(script('exec sleep 60'))
  await first.startContainer(id)
  const pid = (await first.inspect(id))?.pid
  forgetRun(join(root, id, 'container.json'), ['pid', 'startTicks'])
  const second = runtimeAt(t, root)
  t.match((await second.list())[0], { id, state: 'running', pid })
})

void t.test('A start that never came to pass can be done again', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const first = runtimeAt(t, root)
  const id = await first.createContainer(script('exit 0'))
  const path = join(root, id, 'container.json')
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), run: { bootId, startedAtMs: 1 } }))
  const second = runtimeAt(t, root)
  t.match(await second.inspect(id), { state: 'created' })
  await second.startContainer(id)
  await eventually(async () => (await second.inspect(id))?.exitCode === 0)
})

void t.test('After a power cut nothing runs, whoever has its number now', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const first = runtimeAt(t, root)
  const id = await first.createContainer(script('exec sleep 60'))
  const sandbox = await first.createSandbox(containerSpec({ identity: { role: 'sandbox', container: '' } }))
  for (const each of [id, sandbox]) await first.startContainer(each)
  const { pid = 0 } = (await first.inspect(id)) ?? {}
  t.teardown(() => process.kill(-pid, 'SIGKILL'))
  for (const each of [id, sandbox]) {
    const path = join(root, each, 'container.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"bootId":"[^"]*"/, '"bootId":"an-earlier-life"'))
  }
  const second = runtimeAt(t, root)
  for (const each of await second.list()) t.match(each, { state: 'exited', exitCode: 255 })
  t.ok(existsSync(`/proc/${pid}`), 'the process that has the number now is left alone')
})

void t.test('What a program leaves running in its group ends with it', { skip }, async (t) => {
  const runtime = runtimeAt(t, join(t.testdir(), 'containers'))
  const id = await runtime.createContainer(script('sleep 61 & echo $!; exit 0'))
  await runtime.startContainer(id)
  await eventually(async () => (await runtime.inspect(id))?.state === 'exited')
  const child = Number((await readLogs(runtime, id)).all)
  t.ok(child > 0)
  await eventually(
    () => !existsSync(`/proc/${child}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'utf8')),
  )
})

void t.test('A program sees its own environment, not the agent’s secrets, and finds Node', { skip }, async (t) => {
  process.env['HOLDFAST_TEST_SECRET'] = 'secret'
  t.teardown(() => delete process.env['HOLDFAST_TEST_SECRET'])
  const runtime = runtimeAt(t, join(t.testdir(), 'containers'))
  const id = await runtime.createContainer(
    containerSpec({ command: ['node', '-e', 'console.log(JSON.stringify(process.env))'], env: [['PATH', '/nowhere']] }),
  )
  await runtime.startContainer(id)
  await eventually(async () => (await runtime.inspect(id))?.exitCode === 0)
  const env: Record<string, string> = JSON.parse((await readLogs(runtime, id)).all)
  t.notOk('HOLDFAST_TEST_SECRET' in env)
  t.match(env['PATH'], /^\/nowhere:/)
  t.match(env['HOLDFAST_ROOT'], /work$/)
})

void t.test('A log stays bounded, and the end of it stays readable', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const runtime = runtimeAt(t, root)
  const id = await runtime.createContainer(script('sleep 60'))
  await runtime.startContainer(id)
  const log = join(root, id, 'log')
  writeFileSync(log, `${'x'.repeat(99)}\n`.repeat(60_000), { flag: 'a' })
  rotateLog(join(root, id))
  t.equal(statSync(log).size, 0)
  writeFileSync(log, 'newest\n', { flag: 'a' })
  t.equal((await readLogs(runtime, id, { tailLines: 2 })).all, `${'x'.repeat(99)}\nnewest\n`)
  t.equal((await readLogs(runtime, id, { tailLines: 100_000 })).all.length, 6_000_007)
})

void t.test('What a plain process cannot have is refused or told', { skip }, async (t) => {
  const warned: unknown[] = []
  const log: Log = { ...silentLog, warn: (fields) => void warned.push(fields['ignored']) }
  const root = join(t.testdir(), 'containers')
  const runtime = runtimeAt(t, root, log)
  const refused = { name: 'StartError', reason: 'CreateContainerConfigError' }
  const bind = { type: 'bind', source: '/tmp', readOnly: false } as const
  const port = { containerPort: 80, hostPort: 8080, protocol: 'TCP' } as const
  await t.rejects(runtime.createContainer(script('true', { ports: [port] })), refused)
  await t.rejects(runtime.createContainer(script('true', { mounts: [{ ...bind, target: '/' }] })), refused)
  const nested = [
    { ...bind, target: '/a' },
    { ...bind, target: '/a/../a/b' },
  ]
  await t.rejects(runtime.createContainer(script('true', { mounts: nested })), refused)
  await t.rejects(runtime.createContainer(script('true', { mounts: [{ ...bind, target: '/../..' }] })), refused)
  t.same(readdirSync(root), [], 'and leaves nothing behind')
  await runtime.createContainer(script('true', { resources: { memoryLimitBytes: 1 } }))
  t.strictSame(warned, [['resources.limits.memory']])
})

void t.test('A volume cannot be put outside the work folder', { skip }, async (t) => {
  const root = join(t.testdir(), 'containers')
  const runtime = runtimeAt(t, root)
  const mounts = [{ type: 'bind', source: '/tmp', target: '/../../../../escape', readOnly: false } as const]
  const id = await runtime.createContainer(script('true', { mounts }))
  t.ok(existsSync(join(root, id, 'work', 'escape')))
})

function forgetRun(path: string, keys: readonly string[]) {
  const record: { run: Record<string, unknown> } = JSON.parse(readFileSync(path, 'utf8'))
  for (const key of keys) delete record.run[key]
  writeFileSync(path, JSON.stringify(record))
}
