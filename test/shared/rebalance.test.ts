// rebalance.test.ts - which pods move when devices come back or join, and which never do
import fc from 'fast-check'
import t from 'tap'
import type { Node, Pod, PodSpec } from '../../shared/kinds/object.ts'
import { outcomeOf, uidsOf } from '../../shared/rebalance-outcome.ts'
import { planRebalance, type Move } from '../../shared/rebalance.ts'
import { container, node, pod, ready } from '../support/builders.ts'

const ownedBy = (given: Pod, set: string): Pod => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set, uid: `uid-of-${set}`, controller: true }
  return { ...given, metadata: { ...given.metadata, ownerReferences: [owner] } }
}
const podsOn = (counts: Readonly<Record<string, number>>, spec: Partial<PodSpec> = {}, set = 'web'): Pod[] =>
  Object.entries(counts).flatMap(([where, count]) =>
    Array.from({ length: count }, (_, index) => ownedBy(ready(pod(`${set}-${where}-${index}`, spec), where), set)),
  )
const nodes = (...names: string[]) => names.map((name) => node(name))
const plan = (given: readonly Node[], pods: readonly Pod[], max = 100) => planRebalance({ nodes: given, pods }, { max })
const ways = (moves: readonly Move[]) => moves.map(({ from, to }) => `${from}>${to}`)

t.test('Pods move to a device that came back until no two devices differ by two', async (t) => {
  const { moves } = plan(nodes('n1', 'n2', 'n3'), podsOn({ n1: 3, n2: 3 }))
  t.same(ways(moves), ['n1>n3', 'n2>n3'])
  t.match(moves[0]?.why, 'default/web is spread n1 3, n2 3, n3 0; then n2 3, n1 2, n3 1')
})

t.test('What would not get better by two stays, and the plan says why', async (t) => {
  const even = plan(nodes('n1', 'n2', 'n3'), podsOn({ n1: 1, n2: 1 }))
  t.same(even.moves, [])
  t.same(even.kept, ['default/web stays as it is: its spread is even (n1 1, n2 1, n3 0)'])
  t.match(plan(nodes('n1'), podsOn({ n1: 4 })).kept, [/only 1 device can run it now/])
  const { moves, kept } = plan(nodes('n1', 'n2'), podsOn({ n1: 9 }), 2)
  t.equal(moves.length, 2)
  t.same(kept, ['default/web: more could move, but 2 at once is the limit'])
})

t.test('Some pods are never moved', async (t) => {
  const two = nodes('n1', 'n2')
  const volume = (rest: object): Partial<PodSpec> => ({ volumes: [{ name: 'data', ...rest }] })
  const annotated = (annotations: Record<string, string>) =>
    podsOn({ n1: 4 }).map((each) => ({ ...each, metadata: { ...each.metadata, annotations } }))
  const unready = podsOn({ n1: 4 }).map((each, index) => (index === 0 ? { ...each, status: {} } : each))
  const table: [string, Pod[], RegExp][] = [
    ['singletons', annotated({ 'holdfast.dev/singleton': 'true' }), /singleton/],
    ['pods that wait', annotated({ 'holdfast.dev/on-disconnect': 'wait' }), /stay with their devices/],
    ['local data', podsOn({ n1: 4 }, volume({ emptyDir: {} })), /"data" \(emptyDir\) would be lost/],
    ['host folders', podsOn({ n1: 4 }, volume({ hostPath: { path: '/x' } })), /"data" is a folder of its device/],
    ['pods in the middle of something', unready, /not all of its pods are ready/],
    [
      'pods that fit only here',
      podsOn({ n1: 4 }, { nodeSelector: { 'kubernetes.io/hostname': 'n1' } }),
      /only 1 device/,
    ],
  ]
  for (const [what, pods, why] of table) {
    const { moves, kept } = plan(two, pods)
    t.same(moves, [], what)
    t.match(kept[0], why, what)
  }
  const daemons = podsOn({ n1: 4 }).map((each) => ({ ...each, metadata: { ...each.metadata, ownerReferences: [] } }))
  t.same(plan(two, daemons), { moves: [], kept: [] }, 'pods of other owners are not even looked at')
  const allowed = planRebalance(
    { nodes: two, pods: podsOn({ n1: 4 }, volume({ emptyDir: {} })) },
    { max: 9, emptyDirs: true },
  )
  t.equal(allowed.moves.length, 2)
  t.equal(plan(two, podsOn({ n1: 4 }, volume({ emptyDir: { medium: 'Memory' } }))).moves.length, 2)
})

t.test('Pods that were replaced or given up on a device that is away hold nothing up', async (t) => {
  const [aside, given, ...others] = podsOn({ n4: 2, n1: 4 })
  if (!aside || !given) return t.fail('no pods')
  const unready = { type: 'Ready', status: 'False', reason: 'NodeNotReady', lastTransitionTime: '2026-11-20T12:00:00Z' }
  const away = [
    { ...aside, status: { conditions: [unready, { type: 'holdfast.dev/Disconnected', status: 'True' }] } },
    {
      ...given,
      metadata: { ...given.metadata, deletionTimestamp: '2026-11-20T12:00:00Z' },
      status: { conditions: [unready] },
    },
  ]
  const { moves } = plan([...nodes('n1', 'n2'), node('n4', { ready: 'Unknown' })], [...away, ...others])
  t.same(ways(moves), ['n1>n2', 'n1>n2'])
})

t.test('Nothing moves to where it does not fit or is not wanted', async (t) => {
  const spec = { containers: [container({ resources: { requests: { cpu: '1' } } })] }
  const small = node('n2', { allocatable: { cpu: '500m' } })
  const { moves, kept } = plan([node('n1'), small], podsOn({ n1: 4 }, spec))
  t.same(moves, [])
  t.match(kept, [/there is no room/])
  const others = [
    node('cordoned', { spec: { unschedulable: true } }),
    node('away', { ready: 'Unknown' }),
    node('tainted', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
  ]
  t.same(plan([node('n1'), ...others], podsOn({ n1: 4 })).moves, [])
})

t.test('A site that came back gets its share before devices of one site are evened out', async (t) => {
  const at = (name: string, zone: string) => node(name, { labels: { 'topology.kubernetes.io/zone': zone } })
  const sites = [at('a1', 'a'), at('a2', 'a'), at('b1', 'b'), at('b2', 'b')]
  t.same(ways(plan(sites, podsOn({ a1: 1, a2: 1 })).moves), ['a1>b1'])
  t.same(
    plan([at('a1', 'a'), at('a2', 'a'), at('a3', 'a'), at('b1', 'b')], podsOn({ a1: 1, a2: 1, a3: 1, b1: 1 })).moves,
    [],
  )
})

t.test(
  'Every plan ends even or out of room, needs no more moves than it must, and is the same each time',
  async (t) => {
    const counts = fc.array(fc.nat(8), { minLength: 1, maxLength: 6 })
    const property = fc.property(counts, (list) => {
      const names = list.map((_, index) => `n${index}`)
      const pods = podsOn(Object.fromEntries(list.map((count, index) => [`n${index}`, count])))
      const { moves } = plan(nodes(...names), pods)
      const after = new Map(names.map((name, index) => [name, list[index] ?? 0]))
      for (const { from, to } of moves) {
        after.set(from, (after.get(from) ?? 0) - 1)
        after.set(to, (after.get(to) ?? 0) + 1)
      }
      const [most, least] = [Math.max(...after.values()), Math.min(...after.values())]
      const surplus = list.reduce((sum, count) => sum + Math.max(0, count - most), 0)
      const isSame = JSON.stringify(plan(nodes(...names), pods).moves) === JSON.stringify(moves)
      return (
        most - least < 2 &&
        moves.length <=
          Math.max(
            surplus,
            list.reduce((sum, count) => sum + Math.max(0, least - count), 0),
          ) &&
        isSame
      )
    })
    t.doesNotThrow(() => fc.assert(property))
  },
)

t.test('A move is over when its replacement is ready, and is told apart from one that came back', async (t) => {
  const pods = podsOn({ n1: 3 })
  const [first, ...rest] = pods
  const [move] = plan(nodes('n1', 'n2'), pods).moves
  const gone = pods.find(({ metadata }) => metadata.uid === move?.podUid)
  if (!move || !gone || !first) return t.fail('nothing moves')
  const before = uidsOf(pods, move.groupUid)
  const stayed = pods.filter((each) => each !== gone)
  const fresh = (where: string) => ownedBy(ready(pod('web-new'), where), 'web')
  t.equal(outcomeOf(move, before, pods), 'under way')
  t.equal(outcomeOf(move, before, stayed), 'under way', 'nobody has made the replacement yet')
  t.equal(outcomeOf(move, before, [...stayed, ownedBy(pod('web-new'), 'web')]), 'under way')
  t.equal(outcomeOf(move, before, [...stayed, fresh('n2')]), 'moved')
  t.equal(outcomeOf(move, before, [...stayed, fresh('n1')]), 'came back')
  t.equal(outcomeOf(move, before, []), 'moved', 'its owner was deleted meanwhile')
  t.equal(rest.length, 2)
})
