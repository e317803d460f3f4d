// fence-engine.test.ts - the fence itself, with nobody beside it: no agent, and an engine that hangs
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemBootClock } from '../../agent/fence/boot-clock.ts'
import { createFenceProcess } from '../../agent/fence/fence-process.ts'
import { fenceText, type Tenure } from '../../agent/fence/fence-text.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages, MY_IMAGE } from '../support/my-image.ts'
import { skipPrivateEngine, startPrivateEngine, type PrivateEngine } from '../support/private-engine.ts'

const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)

/** No process has it any more: an agent that is dead. */
const DEAD_AGENT = { pid: 4_194_304, startTicks: '1' }
/** Says what it was told, and does not go for it. */
const STUBBORN = `trap 'echo told to go >>/shared/log' TERM; echo begun >>/shared/log; while true; do sleep 0.1; done`

interface Started {
  id: string
  pid: number
  /** Of its own writing: the engine passes nothing on while it hangs. */
  said(): string
}

async function startContainer({ client }: PrivateEngine, dir: string): Promise<Started> {
  const shared = mkdtempSync(join(dir, 'shared-'))
  const HostConfig = { NetworkMode: 'none', Binds: [`${shared}:/shared`] }
  const body = { Image: MY_IMAGE, Cmd: ['sh', '-c', STUBBORN], HostConfig }
  const { Id: id } = (await client.call({ method: 'POST', path: '/containers/create', body })) as { Id: string }
  await client.call({ method: 'POST', path: `/containers/${id}/start` })
  const { State } = (await client.call({ method: 'GET', path: `/containers/${id}/json` })) as { State: { Pid: number } }
  const log = join(shared, 'log')
  await eventually(() => existsSync(log))
  return { id, pid: State.Pid, said: () => readFileSync(log, 'utf8') }
}

const lives = (pid: number) => {
  try {
    return /^State:\s+[^ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false // it is gone
  }
}

void t.test(
  'A container is told to go and then killed at its deadline while the engine hangs and no agent lives',
  { skip: skipPrivateEngine() ?? false, timeout: TIMEOUT_MS },
  async (t) => {
    const engine = await startPrivateEngine()
    t.teardown(() => engine.remove())
    await ensureMyImages(engine)
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-fence-'))
    const [mine, other] = [await startContainer(engine, dir), await startContainer(engine, dir)]
    t.teardown(async () => {
      // A daemon that ends leaves containers to the next one.
      engine.goOn()
      for (const { id } of [mine, other])
        await engine.client.call({ method: 'DELETE', path: `/containers/${id}`, query: { force: true } })
    })
    const folder = join(dir, 'fence')
    const fence = createFenceProcess(folder)
    t.teardown(() => {
      fence.order(undefined)
      rmSync(dir, { recursive: true, force: true })
    })
    engine.hang()
    const tenure = (podUid: string, id: string, stopAfterMs: number): Tenure => ({
      podUid,
      sentMs: systemBootClock.nowMs(),
      stopAfterMs,
      killAfterMs: stopAfterMs + 4_000,
      containers: [{ id, runtime: 'docker' }],
    })
    const tenures = [tenure('mine', mine.id, 1_000), tenure('other', other.id, 3_600_000)]
    fence.order(fenceText({ bootId: systemBootClock.bootId(), agent: DEAD_AGENT, tenures }))
    fence.ensure()
    await eventually(() => mine.said().includes('told to go'), 30_000)
    t.ok(lives(mine.pid), 'it has its grace')
    await eventually(() => !lives(mine.pid), 30_000)
    t.ok(lives(other.pid), 'whose time is not over runs on')
    t.notMatch(other.said(), /told to go/)
  },
)
