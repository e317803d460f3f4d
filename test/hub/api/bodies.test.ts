// bodies.test.ts - what the reader of bodies refuses, and how it reads YAML
import t from 'tap'
import { DEPTH_MAX, scanJson } from '../../../hub/api/json-scan.ts'
import { parseYaml, YamlError } from '../../../shared/yaml.ts'

t.test('JSON that nests a hundred thousand deep is refused before it is parsed', async (t) => {
  t.throws(() => scanJson('['.repeat(100_000)), { code: 400 })
  t.throws(() => scanJson('{"a":'.repeat(100_000)), { code: 400 })
  t.doesNotThrow(() => scanJson('['.repeat(DEPTH_MAX) + ']'.repeat(DEPTH_MAX)))
  t.doesNotThrow(() => scanJson(JSON.stringify('['.repeat(100_000))), 'brackets in a string do not count')
})

t.test('keys that appear twice are found with their paths, however they are spelled', async (t) => {
  t.same(scanJson('{"spec":{"replicas":1,"replicas":2}}'), ['spec.replicas'])
  t.same(scanJson('{"a":[{"b":1},{"b":1,"\\u0062":2}]}'), ['a[1].b'])
  t.same(scanJson('{"a":{"b":1},"c":{"b":"a\\":"}}'), [])
})

t.test('a key that reaches for the prototype is refused, also when it is escaped', async (t) => {
  t.throws(() => scanJson('{"__proto__":{"x":1}}'), { code: 400 })
  t.throws(() => scanJson('{"\\u005f_proto__":{"x":1}}'), { code: 400 })
})

t.test('YAML is read as kubectl reads it: version 1.1, without the tags that JSON lacks', async (t) => {
  const text = 'a: y\nb: off\nc: 010\nd: 1_000\ne: 1:30\nf: 2001-01-01\ng: "y"\nh: ~\n'
  t.same(parseYaml(text).value, { a: true, b: false, c: 8, d: 1000, e: '1:30', f: '2001-01-01', g: 'y', h: null })
})

t.test('YAML with the same key twice names it, and the last one wins', async (t) => {
  const { value, duplicates } = parseYaml('a: 1\na: 2\n')
  t.same(value, { a: 2 })
  t.equal(duplicates.length, 1)
})

t.test('bombs of YAML are refused and do not end the process', async (t) => {
  const aliases = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 9; level += 1) {
    const before = String.fromCharCode(96 + level)
    const name = String.fromCharCode(97 + level)
    aliases.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`)
  }
  t.throws(() => parseYaml(aliases.join('\n')), YamlError)
  t.throws(() => parseYaml('['.repeat(100_000)), YamlError)
  t.throws(() => parseYaml(`${'- '.repeat(20_000)}x`), YamlError)
  t.throws(() => parseYaml('{a: '.repeat(20_000)), YamlError)
  t.throws(() => parseYaml('a: *nowhere'), YamlError)
  t.throws(() => parseYaml('a: 1\n---\nb: 2\n'), YamlError)
})
