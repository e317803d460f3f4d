// quantity.test.ts - quantities mean what they say, and have one spelling each
import fc from 'fast-check'
import t from 'tap'
import {
  addQuantities,
  bytes,
  bytesQuantity,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliCpu,
  milliCpuQuantity,
  parseQuantity,
} from '../../shared/quantity.ts'

t.test('Quantities print as Kubernetes prints them', async (t) => {
  const spellings: [unknown, string][] = [
    ['0.5', '500m'],
    [1, '1'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1000Ki', '1000Ki'],
    ['512Ki', '512Ki'],
    ['0.5Ki', '512'],
    ['1e3', '1e3'],
    ['1500e0', '1500'],
    ['100M', '100M'],
    ['1000k', '1M'],
    ['-2Gi', '-2Gi'],
    ['+.5', '500m'],
    ['3.', '3'],
    ['0Gi', '0'],
    ['1E', '1E'],
    ['0.0000000001', '1n'],
  ]
  for (const [given, printed] of spellings) t.equal(canonicalQuantity(given), printed, String(given))
})

t.test('What is no quantity is refused', async (t) => {
  for (const text of [
    '',
    'abc',
    '1 Gi',
    '1GI',
    '1.2.3',
    '--1',
    '1mm',
    'Ki',
    '.',
    '1e',
    null,
    true,
    {},
    '9'.repeat(100),
  ]) {
    t.equal(parseQuantity(text), undefined, JSON.stringify(text))
  }
})

t.test('A hostile exponent neither hangs nor overflows', async (t) => {
  t.equal(canonicalQuantity('1e999999999'), canonicalQuantity('1e200'))
  t.equal(canonicalQuantity('1e-999999999'), '1e-9')
  t.equal(canonicalQuantity('0e999999999'), '0')
})

t.test('CPUs and bytes come out as numbers, rounded up', async (t) => {
  t.equal(milliCpu('1.5'), 1500)
  t.equal(milliCpu('100u'), 1)
  t.equal(bytes('1Ki'), 1024)
  t.equal(bytes('1500m'), 2)
  t.equal(bytes(undefined), 0)
  t.equal(milliCpuQuantity(250), '250m')
  t.equal(bytesQuantity(3 * 1024 ** 3), '3Gi')
  t.equal(addQuantities('500m', '1'), '1500m')
})

const unit = fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e3')
const quantity = fc.tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), unit).map(([n, suffix]) => `${n}${suffix}`)

t.test('Printing and reading again changes nothing', async (t) => {
  fc.assert(
    fc.property(quantity, (text) => {
      const first = parseQuantity(text)
      const again = first && parseQuantity(formatQuantity(first))
      return (
        first !== undefined &&
        again?.nanos === first.nanos &&
        canonicalQuantity(formatQuantity(first)) === formatQuantity(first)
      )
    }),
  )
  t.pass()
})

t.test('Comparing agrees with the sums', async (t) => {
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      const order = compareQuantities(a, b)
      return order === -compareQuantities(b, a) + 0 && compareQuantities(addQuantities(a, '1'), a) > 0
    }),
  )
  t.pass()
})
