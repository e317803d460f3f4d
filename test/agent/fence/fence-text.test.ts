// fence-text.test.ts - what agent and fence tell each other survives the telling
import fc from 'fast-check'
import t from 'tap'
import { fenceText, readTenures, type Tenure } from '../../../agent/fence/fence-text.ts'

const agent = { pid: 42, startTicks: '4711' }
const word = fc.stringMatching(/^[a-z0-9]{1,64}$/)
const tenure: fc.Arbitrary<Tenure> = fc.record({
  podUid: fc.uuid(),
  sentMs: fc.integer({ min: -1_000_000, max: 2 ** 40 }),
  stopAfterMs: fc.nat(),
  killAfterMs: fc.nat(),
  containers: fc.array(fc.record({ id: word, runtime: fc.constantFrom('docker', 'process') }), { maxLength: 4 }),
})

t.test('The next agent reads what the last one wrote, of this boot only', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(tenure, { selector: ({ podUid }) => podUid, maxLength: 5 }), (tenures) => {
      const text = fenceText({ bootId: 'boot-1', agent, tenures })
      t.same(readTenures(text, 'boot-1'), tenures)
      t.same(readTenures(text, 'boot-2'), [])
    }),
  )
})

t.test('Deadlines are whole seconds, never later than meant', async (t) => {
  const containers = [{ id: 'c1', runtime: 'docker' as const }]
  const one = { podUid: 'u1', sentMs: 1_999, stopAfterMs: 10_000, killAfterMs: 12_500, containers }
  t.equal(
    fenceText({ bootId: 'b', agent, tenures: [one] }),
    'boot b\nagent 42 4711\npod u1 1999 10000 12500\ndocker c1 11 14 u1\n',
  )
})

t.test('Nothing but words is written down, and nothing that is torn is believed', async (t) => {
  const evil = { podUid: 'u1', sentMs: 0, stopAfterMs: 1, killAfterMs: 1, containers: [] }
  for (const id of ['a b', '$(reboot)', 'a\nb', '', '../x/y'])
    t.throws(() => fenceText({ bootId: 'b', agent, tenures: [{ ...evil, containers: [{ id, runtime: 'docker' }] }] }))
  t.same(readTenures('boot b\npod u1 12', 'b'), [])
  t.same(readTenures('', 'b'), [])
})
