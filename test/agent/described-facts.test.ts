// described-facts.test.ts - a device that takes long to find out what it is says hello before that, and again after
import t from 'tap'
import { createDescribedFacts } from '../../agent/described-facts.ts'
import { deferred } from '../../shared/deferred.ts'
import type { NodeFacts } from '../../shared/protocol/messages.ts'
import { createManualClock } from '../support/manual-clock.ts'

const facts: NodeFacts = {
  ...{ os: 'linux', architecture: 'arm64', kernel: '6.1', osImage: 'linux', machineId: 'm', bootId: 'b' },
  ...{ cpus: 4, memoryBytes: 1, diskBytes: 1, hostname: 'till', addresses: [] },
}

function rig() {
  const clock = createManualClock()
  const found = deferred<Partial<NodeFacts>>()
  let more = 0
  const tell = createDescribedFacts({ facts, description: found.promise, clock, onMore: () => more++ })
  return { clock, found, tell, more: () => more }
}

t.test('What is found out in time is in the first hello, and there is no second one', async (t) => {
  const { clock, found, tell, more } = rig()
  const told = tell()
  found.resolve({ osImage: 'Debian 12' })
  t.match(await told, { osImage: 'Debian 12', cpus: 4 })
  await clock.advance(10_000)
  t.equal(more(), 0)
  t.equal(clock.pending, 0)
})

t.test('What takes longer follows', async (t) => {
  const { clock, found, tell, more } = rig()
  const told = tell()
  await clock.advance(1_000)
  t.match(await told, { osImage: 'linux' })
  found.resolve({ osImage: 'Debian 12' })
  await clock.advance(1)
  t.equal(more(), 1)
  t.match(await tell(), { osImage: 'Debian 12' })
})

t.test('A device that cannot be described says what it knows, once', async (t) => {
  const { clock, found, tell, more } = rig()
  const told = tell()
  await clock.advance(1_000)
  await told
  found.resolve({})
  await clock.advance(1)
  t.equal(more(), 0)
})
