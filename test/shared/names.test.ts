// names.test.ts - which names are taken and which refused
import t from 'tap'
import {
  configKeyError,
  dns1035LabelError,
  dnsLabelError,
  dnsSubdomainError,
  envNameError,
  labelValueError,
  pathSegmentError,
  portNameError,
  qualifiedNameError,
  type NameCheck,
} from '../../shared/names.ts'

const CASES: [string, NameCheck, string[], string[]][] = [
  [
    'label',
    dnsLabelError,
    ['a', 'web-1', '1a', 'a'.repeat(63)],
    ['', 'A', '-a', 'a-', 'a.b', 'a_b', 'a'.repeat(64), 'ä', 'a\n'],
  ],
  ['label that starts with a letter', dns1035LabelError, ['web-1'], ['1web', '', 'Web']],
  [
    'subdomain',
    dnsSubdomainError,
    ['a.b-c.d', 'a'.repeat(253)],
    ['a..b', '.a', 'a.', 'a/b', 'A.b', 'a'.repeat(254), '../../etc', 'a\0'],
  ],
  [
    'label key',
    qualifiedNameError,
    ['app', 'example.com/app', 'A_b.c'],
    ['', '/app', 'a/b/c', 'Example.com/app', 'a b', 'x/', 'a'.repeat(64)],
  ],
  ['label value', labelValueError, ['', 'Web_1.0'], ['-a', 'a b', 'a'.repeat(64), 'ä']],
  ['config key', configKeyError, ['a', '.hidden', 'KEY_name-1.txt'], ['', '.', '..', '..data', 'a/b', 'a'.repeat(254)]],
  ['environment variable', envNameError, ['PATH', 'a.b-c', '1 2'], ['', 'A=B', 'A\n', 'ä']],
  ['port name', portNameError, ['http', 'web-1'], ['', '80', 'Http', '-a', 'a-', 'a--b', 'longer-than-fifteen']],
  ['path segment', pathSegmentError, ['system:node', 'a b'], ['.', '..', 'a/b', 'a%2f']],
]

for (const [what, check, good, bad] of CASES) {
  t.test(`Names as a ${what}`, async (t) => {
    for (const name of good) t.equal(check(name), undefined, name)
    for (const name of bad) t.type(check(name), 'string', JSON.stringify(name))
  })
}

t.test('An endless hostile name is refused at once', async (t) => {
  const endless = 'a-'.repeat(500_000)
  for (const [, check] of CASES.slice(0, 6)) t.type(check(endless), 'string')
})
