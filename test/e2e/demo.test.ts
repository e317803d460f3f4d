// demo.test.ts - `npm start` and `npm run clean` keep their word: what runs outlives them, is adopted, and goes only when told
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createClient } from '../../hub/cli/client.ts'
import { accessOf, readKubeconfig } from '../../hub/cli/kubeconfig-file.ts'
import type { ChildProgram } from '../support/child-program.ts'
import { createDemoFolder, pressCtrlC, type DemoFolder } from '../support/demo-folder.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { freePort } from '../support/free-port.ts'
import { fetchText } from '../support/http.ts'
import { skipOffLinux } from '../support/require.ts'
import { WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 240_000
fileWithin(t, TIMEOUT_MS)
const skip = skipOffLinux() ?? false

const page = ({ ports }: DemoFolder) => fetchText(`http://127.0.0.1:${ports.hello}/`)

/** What it has printed when all is up. */
const started = (demo: ChildProgram) =>
  eventually(() => {
    if (!/Try next[^]*\n\n$/.test(demo.log())) throw new Error(`npm start says: ${demo.log()}`)
    return demo.log()
  }, WITHIN_MS)

async function scale({ root }: DemoFolder, replicas: number): Promise<void> {
  const path = join(root, '.holdfast/kubeconfig')
  const hello = '/apis/apps/v1/namespaces/default/deployments/hello'
  const client = createClient(accessOf(readKubeconfig(path), path))
  await client.send('PATCH', hello, { spec: { replicas } }, 'application/merge-patch+json')
}

/** What is killed together with the agent takes a moment. */
const nothingWorksIn = (folder: DemoFolder) =>
  eventually(() => {
    const left = folder.programs()
    if (left.length > 0) throw new Error(`still there: ${left.join(', ').replaceAll('\0', ' ')}`)
  }, WITHIN_MS)

/** Hub and agent have ended with it. */
async function stopped(t: Test, folder: DemoFolder, demo: ChildProgram): Promise<void> {
  pressCtrlC(demo)
  t.equal(await demo.ended, 0)
  t.match(demo.log(), /Hub and agent have stopped; what they run goes on/)
  await nothingWorksIn(folder)
}

t.test('npm start, again and again', { skip, timeout: TIMEOUT_MS }, async (t) => {
  const folder = await createDemoFolder()
  t.teardown(() => folder.remove())
  const { root, ports } = folder
  let demo = folder.start()
  t.teardown(() => demo.stop())

  await t.test('The first start brings a hub, a device and a workload, and says what to try next', async (t) => {
    const said = await started(demo)
    const url = `http://127.0.0.1:${ports.hello}`
    t.match(said, `Holdfast runs. The API is at https://127.0.0.1:${ports.api}; a workload answers at ${url}.\n`)
    t.match(said, `\n  export KUBECONFIG=${root}/.holdfast/kubeconfig\n`)
    t.match(said, `\n  curl ${url} `)
    t.match(said, /\n {2}kubectl scale deployment hello --replicas 0 /)
    t.match(await page(folder), /^Hello from hello-\S+ on \S+, up \d+ s/)
  })

  await t.test('It runs once in a folder, and is not cleaned away while it runs', async (t) => {
    const refused = { code: 1, stdout: '', stderr: `holdfast: it runs here already (process ${demo.pid})` }
    t.match(await folder.tryToStart(), refused)
    t.match(await folder.tryToStart(), refused)
    t.match(await folder.clean(), { code: 1, stderr: `holdfast: npm start still runs (process ${demo.pid})` })
    t.match(await page(folder), /^Hello from/)
  })

  const pid = folder.helloPid()
  await t.test('After Ctrl-C hub and agent are gone, and the workload still answers', async (t) => {
    await stopped(t, folder, demo)
    t.match(await page(folder), /^Hello from/)
    t.ok(pid)
    t.equal(folder.helloPid(), pid)
  })

  await t.test('The next start adopts what runs', async (t) => {
    demo = folder.start()
    t.match(await started(demo), `a workload answers at http://127.0.0.1:${ports.hello}.`)
    t.match(await page(folder), /^Hello from/)
    t.equal(folder.helloPid(), pid)
  })

  await t.test('What was scaled to 0 stays so over a start, which says it, and can come again', async (t) => {
    await scale(folder, 0)
    await eventually(() => folder.helloPid() === undefined, WITHIN_MS)
    await stopped(t, folder, demo)
    demo = folder.start()
    const said = await started(demo)
    t.match(said, `The API is at https://127.0.0.1:${ports.api}.\nhello is scaled to 0, as you left it.\n`)
    t.match(said, /\n {2}kubectl scale deployment hello --replicas 1 /)
    t.notMatch(said, /curl/)
    t.equal(folder.helloPid(), undefined)
    await scale(folder, 1)
    t.match(await eventually(() => page(folder), WITHIN_MS), /^Hello from/)
    await stopped(t, folder, demo)
  })

  await t.test('After npm start was killed the next start, or the cleaning, ends what it left', async (t) => {
    const kill = async () => {
      process.kill(demo.pid, 'SIGKILL')
      await demo.ended
      for (const one of ['main.js', 'agent.cjs'])
        t.ok(
          folder.programs().some((program) => program.includes(one)),
          `${one} is left`,
        )
    }
    const helloPid = folder.helloPid()
    demo = folder.start()
    await started(demo)
    await kill()
    demo = folder.start()
    t.match(
      await started(demo),
      /^An earlier npm start was killed; the hub and agent that it left have been stopped\.\n/,
    )
    t.equal(folder.helloPid(), helloPid)
    await kill()
  })

  await t.test('npm run clean leaves nothing, and may be run again', async (t) => {
    t.ok(folder.helloPid())
    t.match(await folder.clean(), { code: 0, stdout: /Everything that npm start made is gone\.\n$/ })
    t.notOk(existsSync(join(root, '.holdfast')))
    t.equal(folder.helloPid(), undefined)
    await nothingWorksIn(folder)
    t.match(await folder.clean(), { code: 0 })
  })
})

t.test(
  'A port that another program has is told in one line, with what to do',
  { skip, timeout: TIMEOUT_MS },
  async (t) => {
    const folder = await createDemoFolder()
    t.teardown(() => folder.remove())
    const busy = await freePort()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(busy, '127.0.0.1', resolve))
    t.teardown(() => other.close())
    const advice = (flag: string) => `: stop that one, or run npm start -- --${flag} ${busy + 1000}\n`
    t.match(await folder.tryToStart({ api: busy }), {
      code: 1,
      stdout: '',
      stderr: `holdfast: port ${busy} (API) is in use by another program${advice('api-port')}`,
    })
    const late = await folder.tryToStart({ hello: busy })
    t.equal(late.stderr, `holdfast: port ${busy} (hello) is in use by another program${advice('hello-port')}`)
    t.equal(late.code, 1)
    // The hub and the agent that it had started are gone.
    await nothingWorksIn(folder)
  },
)
