// writer.test.ts - chaos sees a write that was acknowledged and is lost, and forgives what nobody acknowledged
import t from 'tap'
import type { ConfigMap } from '../../shared/kinds/object.ts'
import { lostOf } from './writer.ts'

const holding = (name: string, number: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  data: { number },
})

t.test('What was acknowledged, or was written later, is kept', async (t) => {
  const there = [holding('a', '7'), holding('b', '508'), holding('c', '9')]
  t.equal(
    lostOf(
      new Map([
        ['a', 7],
        ['b', 8],
      ]),
      there,
    ),
    undefined,
  )
})

t.test('An older number, or none, is a loss', async (t) => {
  t.match(lostOf(new Map([['a', 507]]), [holding('a', '7')]), /a is 7, not 507/)
  t.match(lostOf(new Map([['a', 7]]), []), /a is undefined, not 7/)
})
