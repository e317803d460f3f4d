// bundle.mjs - makes dist/agent.cjs, the file that devices run: a third of the memory of the same program in many files.
// What it imports only on demand (joining, YAML, the description of the device) lies beside it as agent-*.cjs, and costs
// nothing until it is asked for.
import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const DIST = join(ROOT, 'dist')
const require = createRequire(import.meta.url)

/**
 * The compilers to machine code are 6 MB of Node's own text that is never paged in when nobody asks for them, and an agent
 * has nothing to optimise: what takes time is compression and SQLite. Before anything else, so that nothing is hot yet.
 */
const FLAGS = "'use strict';require('node:v8').setFlagsFromString('--no-opt --no-sparkplug --regexp-interpret-all');"
/**
 * A shell script to the system, a comment to Node: what only the start can set. One heap for malloc instead of one per
 * thread, given back early (2 MB); young objects in one megabyte; no threads for V8, which would have nothing to do.
 */
const START = `#!/bin/sh
':' //; MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 exec node --max-semi-space-size=1 --v8-pool-size=0 "$0" "$@"`

/** Loaded at the top level by dockerode, used only for SSH, BuildKit and folders as images, which the agent never does. */
const NEVER_USED = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|socks|tar-fs)$/
const NEVER_USED_HERE = [
  [/node_modules\/dockerode\/lib\//, /^\.\/session$/],
  [/node_modules\/docker-modem\/lib\//, /^\.\/ssh$/],
]

const slim = {
  name: 'slim',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: NEVER_USED }, ({ path }) => ({ path, namespace: 'never-used' }))
    onResolve({ filter: /^\.\/(session|ssh)$/ }, ({ path, importer }) =>
      NEVER_USED_HERE.some(([from, what]) => from.test(importer) && what.test(path))
        ? { path, namespace: 'never-used' }
        : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'never-used' }, ({ path }) => ({
      contents: `module.exports = function () { throw new Error(${JSON.stringify(`${path} is not part of the agent`)}) }`,
    }))
    // Node's own streams and timers do what these packages do, without their memory.
    onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }))
    onResolve({ filter: /^worker-timers$/ }, ({ path }) => ({ path, namespace: 'timers' }))
    onLoad({ filter: /.*/, namespace: 'timers' }, () => ({
      contents: 'export const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis',
    }))
  },
}

/** Each file that is imported on demand becomes a bundle of its own; whatever both need is in both. */
const onDemand = new Map()
const nameOf = (path) => `agent-${basename(path).replace(/\.[cm]?js$/, '')}.cjs`
const split = {
  name: 'split',
  setup({ onResolve }) {
    onResolve({ filter: /^\.|^[a-z]/ }, ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined
      const file = path.startsWith('.') ? join(resolveDir, path) : require.resolve(path)
      const name = path.startsWith('.') ? nameOf(path) : `agent-${path}.cjs`
      onDemand.set(file, name)
      return { path: `./${name}`, external: true }
    })
    // The same for what mqtt needs only when it goes through the HTTPS port.
    onResolve({ filter: /^\.\/ws$/ }, ({ importer, resolveDir }) => {
      if (!/node_modules\/mqtt\//.test(importer)) return undefined
      onDemand.set(join(resolveDir, 'ws.js'), 'agent-mqtt-websocket.cjs')
      return { path: 'agent-mqtt-websocket.cjs', namespace: 'mqtt-websocket' }
    })
  },
}
const lazyWebSocket = {
  name: 'lazy-websocket',
  setup({ onLoad }) {
    onLoad({ filter: /.*/, namespace: 'mqtt-websocket' }, ({ path }) => ({
      contents: `exports.streamBuilder = (...all) => module.require(${JSON.stringify(`./${path}`)}).streamBuilder(...all)`,
    }))
  },
}

const bundle = (entry, outfile, banner) =>
  build({
    entryPoints: [entry],
    outfile: join(DIST, outfile),
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // `import()` as `require()`: the loader of modules is memory that nothing else here needs.
    supported: { 'dynamic-import': false },
    banner: { js: banner },
    external: ['better-sqlite3', './agent-*.cjs'],
    plugins: [slim, split, lazyWebSocket],
    logLevel: 'warning',
  })

for (const old of readdirSync(DIST).filter((name) => /^agent-.*\.cjs$/.test(name))) rmSync(join(DIST, old))
await bundle(join(DIST, 'agent', 'main.js'), 'agent.cjs', `${START}\n${FLAGS}`)
chmodSync(join(DIST, 'agent.cjs'), 0o755)
// The map grows while it is walked: what is loaded on demand may load more.
for (const [entry, outfile] of onDemand) await bundle(entry, outfile, '')
