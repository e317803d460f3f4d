// node-state.test.ts - checks what the hub says of a node when beats stop, links break, hubs restart
import t from 'tap'
import { judgeNode, limitsFor, type NodeLife } from '../../../hub/fleet/node-state.ts'

const limits = limitsFor(10_000)
const state = (life: Partial<NodeLife>, nowMs: number) => judgeNode({ hubStartedMs: 0, ...life }, nowMs, limits).state
const longAgo = { hubStartedMs: -1e9 }

t.test('Silence makes a node late, then unreachable, then dead', async (t) => {
  const life = { ...longAgo, lastHeardMs: 0 }
  t.equal(state(life, 10_000), 'Online')
  t.equal(state(life, 24_999), 'Online')
  t.equal(state(life, 25_000), 'Late')
  t.equal(state(life, 40_000), 'Unreachable')
  t.equal(state(life, 1_799_999), 'Unreachable')
  t.equal(state(life, 1_800_000), 'Dead')
})

t.test('A broken link is late at once, unreachable only when it stays broken', async (t) => {
  const life = { ...longAgo, lastHeardMs: 1_000, linkLostMs: 2_000 }
  t.equal(state(life, 2_000), 'Late')
  t.equal(state(life, 17_000), 'Unreachable')
  t.equal(state({ ...life, lastHeardMs: 3_000 }, 3_000), 'Online', 'a word after the will ends it')
})

t.test('A restarted hub judges nobody for one lease', async (t) => {
  t.equal(state({ before: 'Online' }, 39_999), 'Online')
  t.equal(state({ before: 'Late' }, 39_999), 'Late')
  t.equal(state({ before: 'Online' }, 40_000), 'Unreachable')
  t.equal(state({ lastHeardMs: 0, linkLostMs: 1 }, 39_999), 'Late')
})

t.test('What was known before a restart of the hub stays known', async (t) => {
  t.equal(state({ before: 'Unreachable' }, 0), 'Unreachable')
  t.equal(state({ before: 'Dead' }, 1e12), 'Dead')
  t.equal(state({}, 1e12), 'Never seen')
  t.equal(state({ before: 'Dead', lastHeardMs: 5 }, 6), 'Online')
})

t.test('It says when time alone will change the answer, and is right', async (t) => {
  for (const life of [
    { lastHeardMs: 0 },
    { lastHeardMs: 0, linkLostMs: 5 },
    { before: 'Online' as const },
    { before: 'Unreachable' as const },
  ]) {
    for (let nowMs = 0, steps = 0; steps < 10; steps++) {
      const { state: now, lookAgainMs } = judgeNode({ hubStartedMs: 0, ...life }, nowMs, limits)
      if (lookAgainMs === undefined) break
      t.ok(lookAgainMs > nowMs)
      t.equal(state(life, lookAgainMs - 1), now)
      t.not(state(life, lookAgainMs), now)
      nowMs = lookAgainMs
    }
  }
})
