// disks.test.ts - chaos sees a node that keeps silent about its disk, and one that complains of a disk that is well
import t from 'tap'
import type { Node } from '../../shared/kinds/object.ts'
import { node } from '../support/builders.ts'
import { complaint, unsaid } from './disks.ts'

const saying = (name: string, ...types: readonly string[]): Node => {
  const made = node(name)
  const conditions = types.map((type) => ({ type, status: 'True' as const }))
  return { ...made, status: { ...made.status, conditions } }
}

t.test('A node that says all that is wrong with its disk is believed', async (t) => {
  const nodes = [saying('n1', 'DiskPressure', 'ReadOnlyFS'), saying('n2')]
  t.equal(unsaid(nodes, new Map([['n1', ['full', 'read-only']]])), undefined)
  t.equal(unsaid(nodes, new Map()), undefined)
})

t.test('A node that is silent about its disk, or not there, is seen', async (t) => {
  const nodes = [saying('n1', 'DiskPressure')]
  t.match(unsaid(nodes, new Map([['n1', ['full', 'read-only']]])), /n1 is read-only.*ReadOnlyFS/)
  t.match(unsaid(nodes, new Map([['n2', ['full']]])), /n2 is full.*DiskPressure/)
})

t.test('A node that complains of a disk that is well is seen', async (t) => {
  t.equal(complaint([saying('n1', 'Ready')]), undefined)
  t.match(complaint([saying('n1'), saying('n2', 'DiskPressure')]), /n2 says DiskPressure/)
  t.match(complaint([saying('n1', 'ReadOnlyFS')]), /n1 says ReadOnlyFS/)
})
