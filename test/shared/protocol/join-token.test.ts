// join-token.test.ts - checks that a token survives being pasted and that nothing else passes for one
import t from 'tap'
import { encodeJoinToken, parseJoinToken } from '../../../shared/protocol/join-token.ts'

const token = {
  addresses: ['hub.example:6443', '10.0.0.1:6443'],
  caFingerprint: 'ab'.repeat(32),
  id: 'abc123def0',
  secret: 'A'.repeat(22),
}

t.test('A token comes back as it was made, also with spaces around it', async (t) => {
  const text = encodeJoinToken(token)
  t.match(text, /^hf1\.[A-Za-z0-9_-]+$/)
  t.same(parseJoinToken(`  ${text}\n`), token)
})

t.test('Cut, changed and foreign strings are no tokens', async (t) => {
  const text = encodeJoinToken(token)
  const hostile = encodeJoinToken({ ...token, addresses: ['evil.example/path?x'] })
  for (const bad of [
    '',
    'hf1.',
    text.slice(0, -5),
    text.replace('hf1', 'hf2'),
    `hf1.${'A'.repeat(100)}`,
    hostile,
    'x'.repeat(1e6),
  ]) {
    t.equal(parseJoinToken(bad), undefined)
  }
})
