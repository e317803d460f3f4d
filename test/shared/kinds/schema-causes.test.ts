// schema-causes.test.ts - what a custom kind's schema refuses, in bounded time
import t from 'tap'
import { matchPattern, patternError } from '../../../shared/kinds/bounded-pattern.ts'
import { schemaCauses } from '../../../shared/kinds/schema-causes.ts'
import type { Schema } from '../../../shared/kinds/schema.ts'

const of = (spec: Schema, value: unknown) =>
  schemaCauses({ spec: value }, { type: 'object', properties: { spec } }).map(
    ({ field, message }) => `${field}: ${message}`,
  )

t.test('Each constraint lets good values pass and names bad ones', async (t) => {
  const cases: [Schema, unknown, unknown, string | RegExp][] = [
    [
      { type: 'integer', minimum: 1 },
      1,
      0,
      'spec: Invalid value: 0: spec in body should be greater than or equal to 1',
    ],
    [{ type: 'integer', maximum: 5 }, 5, 6, 'spec: Invalid value: 6: spec in body should be less than or equal to 5'],
    [
      { type: 'string', minLength: 2 },
      'ab',
      'a',
      'spec: Invalid value: "a": spec in body should be at least 2 chars long',
    ],
    [{ type: 'string', maxLength: 1 }, 'a', 'ab', /should be at most 1 chars long/],
    [{ type: 'string', pattern: '^a+$' }, 'aa', 'b', `spec: Invalid value: "b": spec in body should match '^a+$'`],
    [{ type: 'string', enum: ['a', 'b'] }, 'a', 'c', 'spec: Unsupported value: "c": supported values: "a", "b"'],
    [{ type: 'array', minItems: 1, items: { type: 'string' } }, ['a'], [], /should have at least 1 items/],
    [{ type: 'array', maxItems: 1, items: { type: 'string' } }, ['a'], ['a', 'b'], /should have at most 1 items/],
    [
      { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      ['a', 'b'],
      ['a', 'a'],
      'spec[1]: Duplicate value: "a"',
    ],
    [
      {
        type: 'array',
        items: { type: 'object' },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [{ k: 1 }, { k: 2 }],
      [{ k: 1 }, { k: 1 }],
      'spec[1]: Duplicate value: {"k":1}',
    ],
    [
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      { a: '' },
      {},
      'spec.a: Required value',
    ],
    [{ type: 'integer' }, 1, 'x', 'spec: Invalid value: "string": spec in body must be of type integer: "string"'],
    [{ type: 'boolean' }, true, 1, /must be of type boolean/],
    [
      { type: 'string', format: 'date-time' },
      '2026-11-20T12:00:00.5+01:00',
      '2026-11-20',
      'spec: Invalid value: "2026-11-20": spec in body must be of type date-time: "2026-11-20"',
    ],
    [{ 'x-kubernetes-int-or-string': true }, '25%', true, /must be of type integer or string/],
    [{ type: 'string', nullable: true }, null, 1, /must be of type string/],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, { x: 1 }, { x: 'y' }, /^spec\[x\]: Invalid value/],
  ]
  for (const [schema, good, bad, message] of cases) {
    t.same(of(schema, good), [], JSON.stringify(schema))
    const [first] = of(schema, bad)
    if (typeof message === 'string') t.equal(first, message)
    else t.match(first, message)
  }
})

t.test('A pattern that takes for ever is cut off, and only once for each object', async (t) => {
  const evil = 'a'.repeat(60) + '!'
  const schema: Schema = { type: 'array', items: { type: 'string', pattern: '^(a+)+$' } }
  const causes = of(
    schema,
    Array.from({ length: 1_000 }, () => evil),
  )
  t.match(causes, [/takes too long to be matched/])
  t.equal(causes.length, 1)
  t.equal(matchPattern('^(a+)+$', 'aaa'), 'yes')
  t.equal(matchPattern('^[a-z0-9]+([.-][a-z0-9]+)*$', 'a.b-c!'), 'no')
  t.match(of({ type: 'string', pattern: 'a*' }, 'a'.repeat(5_000)), [/too long to be matched/])
})

for (const pattern of [
  '^(a|a)*$',
  '^(\\w|[a-z-])*$',
  '^(a|a){50}$',
  '^(a|aa)+$',
  '^(?:a?a)*$',
  `^${'a?'.repeat(40)}[bc]$`,
  `^${'(a|a)'.repeat(40)}$`,
  '(a*)*$',
])
  t.test(`The pattern ${pattern.slice(0, 20)} does not hold up the hub`, async (t) => {
    t.equal(matchPattern(pattern, 'a'.repeat(40) + '!'), 'too slow')
  })

t.test("Patterns in Go's dialect work, and what JavaScript cannot read is refused at the definition", async (t) => {
  t.equal(matchPattern('(?i)^abc$', 'ABC'), 'yes')
  t.equal(matchPattern('(?i)^abc$', 'xyz'), 'no')
  t.type(patternError('('), 'string')
  t.type(patternError('a'.repeat(5_000)), 'string')
})

t.test('Complaints about one object have an end', async (t) => {
  const causes = of(
    { type: 'array', items: { type: 'string' } },
    Array.from({ length: 50_000 }, () => 1),
  )
  t.ok(causes.length <= 100)
})
