// selectors.test.ts - selectors choose what Kubernetes' selectors choose
import fc from 'fast-check'
import t from 'tap'
import type { KubeObject } from '../../shared/kinds/object.ts'
import {
  fieldFilter,
  labelFilter,
  matchesRequirement,
  matchesSelector,
  parseLabelSelector,
  requirementsText,
  selectorText,
  type Requirement,
} from '../../shared/selectors.ts'
import { meta } from '../support/builders.ts'

t.test('The text of a label selector chooses by labels', async (t) => {
  const labels = { app: 'web', tier: 'front', count: '5', 'example.com/x': '' }
  const yes = [
    '',
    'app=web',
    'app==web',
    'app!=db',
    'app in (web, db)',
    'tier notin (back),app',
    '!gone',
    'gone notin (a)',
    'example.com/x=',
    'count>4',
    'count<6',
    ' app = web , tier ',
  ]
  const no = [
    'app=db',
    'app!=web',
    'app in (db)',
    'app notin (web)',
    'gone',
    '!app',
    'count>5',
    'app>1',
    'app=web,tier=back',
  ]
  for (const text of yes) t.equal(labelFilter(text)(labels), true, text)
  for (const text of no) t.equal(labelFilter(text)(labels), false, text)
})

t.test('A selector that cannot be read is refused with 400', async (t) => {
  for (const text of [
    'a=b=c',
    'in (a)',
    'a in',
    'a in (b',
    'a,',
    ',a',
    'a=b c',
    '-a=b',
    'a=-',
    'a>x',
    '()',
    'a'.repeat(20_000),
  ]) {
    t.throws(() => parseLabelSelector(text), { code: 400 }, text.slice(0, 20))
  }
})

t.test('Labels of every object do not count as labels', async (t) => {
  t.equal(labelFilter('constructor')({}), false)
  t.equal(matchesSelector({ matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, {}), false)
})

t.test('An empty selector object matches everything, an absent one nothing', async (t) => {
  t.equal(matchesSelector({}, { a: 'b' }), true)
  t.equal(matchesSelector(undefined, { a: 'b' }), false)
  t.equal(
    matchesSelector(
      { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'DoesNotExist' }] },
      { a: 'b' },
    ),
    true,
  )
  t.equal(matchesSelector({ matchLabels: { a: 'b' } }), false)
  t.equal(matchesRequirement({ key: 'a', operator: 'Nonsense' }, { a: 'b' }), false)
})

t.test('Selectors print as kubectl shows them', async (t) => {
  const selector = {
    matchLabels: { b: '2', a: '1' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['y', 'x'] },
      { key: 'd', operator: 'Exists' },
      { key: 'e', operator: 'DoesNotExist' },
    ],
  }
  t.equal(selectorText(selector), 'a=1,b=2,c in (x,y),d,!e')
  t.equal(selectorText(undefined), '')
})

const key = fc.stringMatching(/^[a-z]{1,3}$/)
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(fc.stringMatching(/^[a-z0-9]{1,3}$/), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
)

t.test('A printed selector, read again, chooses the same', async (t) => {
  fc.assert(
    fc.property(
      fc.array(requirement, { maxLength: 4 }),
      fc.dictionary(key, fc.stringMatching(/^[a-z0-9]{1,3}$/)),
      (requirements, labels) => {
        const again = labelFilter(requirementsText(requirements))
        return again(labels) === requirements.every((one) => matchesRequirement(one, labels))
      },
    ),
  )
  t.pass()
})

t.test('Field selectors know their fields, and refuse others with 400', async (t) => {
  const object: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: meta('web'), spec: { nodeName: 'n1' } }
  const fields = { 'spec.nodeName': () => 'n1', 'spec.unschedulable': () => false, 'status.phase': () => undefined }
  const matches = (text: string) => fieldFilter(text, fields)(object)
  for (const text of [
    '',
    'spec.nodeName=n1',
    'spec.nodeName==n1,metadata.name=web',
    'metadata.namespace!=other',
    'spec.unschedulable=false',
    'status.phase=',
  ])
    t.equal(matches(text), true, text)
  for (const text of ['spec.nodeName=', 'spec.nodeName!=n1', 'metadata.name=x']) t.equal(matches(text), false, text)
  t.throws(() => matches('spec.image=x'), { code: 400, message: 'field label not supported: spec.image' })
  t.throws(() => matches('constructor=x'), { code: 400 })
  t.throws(() => matches('nonsense'), { code: 400 })
})
