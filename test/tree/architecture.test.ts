// architecture.test.ts - reads every import and fails on a breach of who may import whom, on a cycle, and on stray clocks or chance
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const IMPORT =
  /^\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm

interface SourceFile {
  path: string
  text: string
  imports: readonly string[]
}

function sources(): SourceFile[] {
  return ['hub', 'agent', 'shared', 'test'].flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('generated/') && !name.includes('/generated/'))
      .map((name) => {
        const path = `${top}/${name}`
        const text = readFileSync(join(ROOT, path), 'utf8')
        return { path, text, imports: [...text.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? m[3] ?? '') }
      }),
  )
}

const files = sources()
const ours = (file: SourceFile) =>
  file.imports
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(ROOT, resolve(ROOT, dirname(file.path), name)))
const thirdParty = (file: SourceFile) =>
  file.imports.filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
/** "hub/api" for hub/api/x/y.ts; "hub" for the wiring files that lie directly in hub. */
const house = (path: string) => {
  const parts = path.split('/')
  return parts.length > 2 ? `${parts[0]}/${parts[1]}` : (parts[0] ?? '')
}

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'hub/store': ['shared'],
  'hub/api': ['hub/store', 'shared'],
  'hub/controllers': ['hub/store', 'shared'],
  'hub/scheduler': ['hub/store', 'shared'],
  'hub/fleet': ['hub/store', 'hub/broker', 'shared'],
  'hub/broker': ['shared'],
  'hub/web': ['shared'],
  'hub/cli': ['shared'],
  'agent/cache': ['shared'],
  'agent/fence': ['shared'],
  'agent/link': ['agent/cache', 'shared'],
  'agent/reconcile': ['agent/cache', 'agent/runtime', 'shared'],
  'agent/runtime': ['shared'],
  'agent/system': ['shared'],
}

t.test('Nobody imports what the architecture does not allow', async (t) => {
  for (const file of files.filter(({ path }) => !path.startsWith('test/'))) {
    const from = house(file.path)
    for (const target of ours(file)) {
      const to = house(target)
      const same = to === from || (from.startsWith('shared') && to.startsWith('shared'))
      const allowed = MAY_IMPORT[from] ?? (from.startsWith('shared') ? [] : [from.split('/')[0] ?? '', 'shared'])
      const fits = allowed.some((name) => to === name || to.startsWith(`${name}/`))
      if (!same && !fits) t.fail(`${file.path} imports ${target}`)
    }
  }
})

t.test('Only the port of the runtime is seen by the reconcile loop', async (t) => {
  for (const file of files.filter(({ path }) => path.startsWith('agent/reconcile/'))) {
    const drivers = ours(file).filter(
      (path) => path.startsWith('agent/runtime/') && path !== 'agent/runtime/runtime.ts',
    )
    t.same(drivers, [], file.path)
  }
})

t.test('No import goes in a circle', async (t) => {
  const edges = new Map(files.map((file) => [file.path, ours(file)]))
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (done.has(path)) return
    if (trail.includes(path)) {
      t.fail(`circle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`)
      return
    }
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
})

/** The language in which bodies and files are described, as TypeScript is the one for the rest: it does nothing by itself. */
const SCHEMA_LANGUAGE = 'valibot'

t.test('Each third-party library has one importing folder in a program', async (t) => {
  const homes = new Map<string, Set<string>>()
  for (const file of files.filter(({ path }) => !path.startsWith('test/'))) {
    const program = file.path.split('/')[0] ?? ''
    for (const name of thirdParty(file)) {
      const library = name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] ?? '')
      if (library === SCHEMA_LANGUAGE) continue
      const key = `${program}: ${library}`
      homes.set(key, (homes.get(key) ?? new Set()).add(house(file.path)))
    }
  }
  for (const [key, folders] of homes) t.equal(folders.size, 1, `${key} is imported by ${[...folders].join(', ')}`)
})

t.test('Time and chance come in through their ports', async (t) => {
  const stray =
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|(?<![.\w])set(?:Timeout|Interval)\(|\bperformance\.now\b/
  const ports = ['shared/clock.ts', 'shared/random.ts']
  for (const file of files.filter(({ path }) => !path.startsWith('test/') && !ports.includes(path))) {
    const code = file.text.replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, '')
    const found = stray.exec(code)
    t.equal(found?.[0], undefined, file.path)
  }
})

t.test('Every file says on its first line what it is for', async (t) => {
  for (const { path, text } of files) {
    const name = path.split('/').at(-1) ?? ''
    t.ok(text.replace(/^#!.*\n/, '').startsWith(`// ${name} - `), `${path} starts with "// ${name} - ..."`)
  }
})
