// bootstrap.mjs - what `npm start`, `npm test` and their like run first: installs what is missing, builds when sources are newer.
// Plain JavaScript with nothing imported but Node, because it runs before anything is installed or built.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const SOURCES = ['hub', 'agent', 'shared', 'test', 'package.json', 'tsconfig.json']
const NODE_MAJOR_MIN = 20

/** One line with what is wrong and what to do; the exit code tells scripts. */
function fail(message) {
  console.error(`holdfast: ${message}`)
  process.exit(1)
}

const inRoot = (...parts) => join(ROOT, ...parts)
const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

function newestMs(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  const names = readdirSync(path).filter((name) => name !== 'generated')
  return Math.max(0, ...names.map((name) => newestMs(join(path, name))))
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR_MIN) {
    fail(
      `Node ${process.versions.node} is too old: install Node ${NODE_MAJOR_MIN} or newer (https://nodejs.org), then try again`,
    )
  }
}

function run(what, command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options })
  if (error || status !== 0) fail(`${what} failed${error ? `: ${error.message}` : ''}; its output is above`)
}

const node = (what, ...args) => run(what, process.execPath, args)

function install() {
  const installed = modifiedMs(inRoot('node_modules', '.package-lock.json'))
  if (installed && installed >= modifiedMs(inRoot('package-lock.json'))) return
  console.error('holdfast: installing dependencies (npm ci) ...')
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  })
  if (error || status !== 0) {
    fail(
      'npm ci failed (its output is above): check that the npm registry can be reached, or copy node_modules from a machine that can',
    )
  }
  const now = new Date()
  utimesSync(inRoot('node_modules', '.package-lock.json'), now, now)
}

function build() {
  const stamp = inRoot('dist', '.built')
  if (modifiedMs(stamp) > Math.max(...SOURCES.map((source) => newestMs(inRoot(source))))) return
  console.error('holdfast: building ...')
  const started = new Date()
  node('generating the schemas', 'shared/kinds/generate.mjs')
  node('compiling', 'node_modules/typescript/bin/tsc', '-p', '.')
  node('bundling the agent', 'agent/bundle.mjs')
  writeFileSync(stamp, '')
  utimesSync(stamp, started, started)
}

/** tap fails on its first run after a change of its plugins unless it was built beforehand, once per installation. */
function buildTap() {
  const stamp = inRoot('node_modules', '.tap-built')
  if (modifiedMs(stamp) >= modifiedMs(inRoot('.taprc'))) return
  run('building tap', process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'build'], {
    stdio: ['ignore', 'ignore', 2],
  })
  writeFileSync(stamp, '')
}

/** The suite with real programs takes minutes, twice as long where several kubectls are tried; each test has a bound of its own. */
const SUITE_SECONDS_MAX = 1800

/** These two keep one core busy each, at most; the simulator takes all of them, and real programs want to be alone. */
const SIDE_BY_SIDE = ['system', 'unit']

/** A suite is one file that imports its tests: a process per test file would take longer than the tests. */
async function runTests(suites) {
  buildTap()
  const fileOf = (suite) => `dist/test/${suite}.js`
  const alone = suites.filter((suite) => !SIDE_BY_SIDE.includes(suite))
  const args = [
    'node_modules/tap/dist/esm/run.mjs',
    '--reporter=tap',
    `--jobs=${Math.min(SIDE_BY_SIDE.length, availableParallelism())}`,
    ...alone.map((suite) => `--serial=${fileOf(suite)}`),
    `--timeout=${SUITE_SECONDS_MAX}`,
    ...suites.map(fileOf),
  ]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  let tail = ''
  const failed = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line)
    tail = (tail + line).slice(-4096)
    if (/^ *not ok /.test(line)) failed.push(line)
  })
  const code = await new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)))
  const count = (word) => Number(new RegExp(`# \\{[^}]*\\b${word}: (\\d+)`).exec(tail)?.[1] ?? 0)
  // Named again at the end: what failed is else thousands of lines up.
  for (const line of failed) console.log(line)
  console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('skip')} skipped`)
  process.exit(code)
}

const [command = 'help', ...rest] = process.argv.slice(2)
checkNode()
switch (command) {
  case 'build':
    install()
    build()
    break
  case 'test':
    install()
    build()
    node('lint', 'node_modules/oxlint/bin/oxlint', '--type-aware', '--quiet')
    await runTests(rest.length > 0 ? rest : ['unit', 'contract', 'sim', 'system', 'e2e'])
    break
  case 'start':
    install()
    build()
    await import('../../dist/hub/cli/demo.js').then(({ startDemo }) => startDemo(ROOT, rest))
    break
  case 'clean':
    if (existsSync(inRoot('dist', 'hub', 'cli', 'demo.js')) && existsSync(inRoot('node_modules'))) {
      await import('../../dist/hub/cli/demo.js').then(({ cleanDemo }) => cleanDemo(ROOT))
    } else if (existsSync(inRoot('.holdfast'))) {
      install()
      build()
      await import('../../dist/hub/cli/demo.js').then(({ cleanDemo }) => cleanDemo(ROOT))
    }
    rmSync(inRoot('dist'), { recursive: true, force: true })
    break
  default:
    // sim, chaos, bench: each is a program of its own in the tests' tree
    if (!existsSync(inRoot('test', command, 'main.ts'))) fail(`unknown command "${command}"`)
    install()
    build()
    run(command, process.execPath, [`dist/test/${command}/main.js`, ...rest])
}
