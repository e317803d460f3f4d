// terminal-size.test.ts - a terminal gets its size as soon as there is one, and the newest
import t from 'tap'
import { createTerminalSize } from '../../../agent/runtime/terminal-size.ts'
import { createManualClock } from '../../support/manual-clock.ts'

function terminal() {
  const clock = createManualClock()
  const state = { isThere: false, hasEnded: false, tries: 0, size: '' }
  const set = async (columns: number, rows: number) => {
    state.tries++
    if (state.isThere) state.size = `${columns}x${rows}`
    return state.isThere
  }
  return { clock, state, resize: createTerminalSize({ clock, hasEnded: () => state.hasEnded, set }) }
}

t.test('A terminal that is slow to come gets its size all the same', async (t) => {
  const { clock, state, resize } = terminal()
  resize(101, 33)
  await clock.advance(3_000)
  state.isThere = true
  await clock.advance(100)
  t.equal(state.size, '101x33')
  const { tries } = state
  await clock.advance(10_000)
  t.equal(state.tries, tries, 'and is left alone then')
})

t.test('A window that changes before there is a terminal leaves it with the newest size', async (t) => {
  const { clock, state, resize } = terminal()
  resize(101, 33)
  await clock.advance(1_000)
  resize(80, 24)
  state.isThere = true
  await clock.advance(1_000)
  t.equal(state.size, '80x24')
  resize(90, 30)
  await clock.advance(0)
  t.equal(state.size, '90x30')
})

t.test('A terminal that never comes is given up, at once when its command has ended', async (t) => {
  const { clock, state, resize } = terminal()
  resize(101, 33)
  await clock.advance(60_000)
  t.equal(clock.pending, 0)
  resize(101, 33)
  state.hasEnded = true
  await clock.advance(100)
  t.equal(clock.pending, 0)
})
