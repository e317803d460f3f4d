// rebalance.test.ts - what `holdfast rebalance` says and does when the hub refuses, or the scheduler knows better
import t from 'tap'
import { ApiError, type Client } from '../../../hub/cli/client.ts'
import { rebalance } from '../../../hub/cli/rebalance.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { node, pod, ready } from '../../support/builders.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const owned = (name: string, on: string): Pod => {
  const given = ready(pod(name), on)
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'uid-of-web', controller: true }
  return { ...given, metadata: { ...given.metadata, ownerReferences: [owner] } }
}

/** A hub with two devices and four pods on the first; `evict` answers where the replacement goes. */
function hub(evict: (name: string) => string) {
  const clock = createManualClock()
  let pods = [1, 2, 3, 4].map((number) => owned(`web-${number}`, 'n1'))
  const said: string[] = []
  const evicted: string[] = []
  const lists: Readonly<Record<string, () => readonly object[]>> = {
    '/api/v1/nodes': () => [node('n1'), node('n2')],
    '/api/v1/pods': () => pods,
  }
  const client = {
    get: async (path: string) => ({ items: lists[path]?.() ?? [] }),
    async send(_method: string, path: string) {
      const name = path.split('/').at(-2) ?? ''
      evicted.push(name)
      const to = evict(name)
      pods = [...pods.filter(({ metadata }) => metadata.name !== name), owned(`web-new-${evicted.length}`, to)]
      return {}
    },
    // The answers are whatever the lists above hold.
  } as Client
  const run = async (rest: { dryRun?: boolean; max?: number } = {}) => {
    const flags = { dryRun: false, max: 10, deleteEmptydirData: false, ...rest }
    const running = rebalance({ client, clock, print: (line) => void said.push(line) }, flags)
    await clock.advance(60_000)
    await running
  }
  return { run, said, evicted, pods: () => pods }
}

t.test('It moves one after another until the spread is even', async (t) => {
  const { run, said, evicted } = hub(() => 'n2')
  await run()
  t.equal(evicted.length, 2)
  t.equal(said.at(-1), '2 moved')
  await run()
  t.same(said.slice(-2), ['default/web stays as it is: its spread is even (n1 2, n2 2)', 'nothing to move'])
})

t.test('A dry run evicts nothing', async (t) => {
  const { run, said, evicted } = hub(() => 'n2')
  await run({ dryRun: true })
  t.same(evicted, [])
  t.match(said[0], /^would move default\/web-\d from n1 to n2: default\/web is spread n1 4, n2 0; then n1 3, n2 1$/)
  t.equal(said.at(-1), '2 to move; nothing was done')
})

t.test('A disruption budget that forbids it is told, and nothing more of that ReplicaSet is tried', async (t) => {
  const { run, said, evicted } = hub(() => {
    throw new ApiError(429, "the hub says: Cannot evict pod as it would violate the pod's disruption budget.")
  })
  await run()
  t.equal(evicted.length, 1)
  t.match(said[1], /is left alone: the hub says: Cannot evict pod/)
  t.equal(said.at(-1), '0 moved')
})

t.test('Pods that the scheduler brings back are not chased round and round', async (t) => {
  const { run, said, evicted } = hub(() => 'n1')
  await run()
  t.equal(evicted.length, 1)
  t.match(said[1], /is left alone: the scheduler brings its pods back/)
})
