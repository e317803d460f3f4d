// system.test.ts - what the device says about itself, read from real files
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import * as v from 'valibot'
import { isClockSet } from '../../../agent/system/clock-set.ts'
import { describeInChild } from '../../../agent/system/describe-child.ts'
import { readFacts } from '../../../agent/system/facts.ts'
import { createSampler, parseMeminfo, parseStat, parseTraffic } from '../../../agent/system/sample.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { beat, nodeFacts } from '../../../shared/protocol/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { createManualClock } from '../../support/manual-clock.ts'

t.test('The facts of this very machine fit the protocol', async (t) => {
  const facts = await readFacts({ clock: systemClock, dataDir: t.testdir() })
  t.doesNotThrow(() => v.parse(nodeFacts, facts))
  t.ok(facts.cpus >= 1 && facts.memoryBytes > 0 && facts.diskBytes > 0)
  t.not(facts.architecture, 'x64', 'the word that images use')
  t.ok(facts.machineId && facts.bootId)
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false // no such process
  }
}

const describing = { ending: new AbortController().signal, clock: systemClock, log: silentLog }

t.test('A copy of the agent says what the device is, and one that cannot is no reason to wait', async (t) => {
  const program = fileURLToPath(new URL('../../../agent/main.js', import.meta.url))
  const deps = { ...describing, program, dataDir: t.testdir() }
  t.match(await describeInChild(deps), { osImage: /\S/ })
  t.same(await describeInChild({ ...deps, program: '/nowhere' }), {})
})

t.test('A copy that has not answered yet ends with the agent', async (t) => {
  const dir = t.testdir({
    'hangs.cjs': `require('fs').writeFileSync(__dirname + '/pid', String(process.pid)); setInterval(() => {}, 1000)`,
  })
  const ending = new AbortController()
  // Its own bound never comes: the clock stands still.
  const clock = createManualClock()
  const described = describeInChild({
    ...describing,
    program: join(dir, 'hangs.cjs'),
    dataDir: dir,
    ending: ending.signal,
    clock,
  })
  const pid = await eventually(() => Number(readFileSync(join(dir, 'pid'), 'utf8')) || false)
  ending.abort()
  t.same(await described, {})
  await eventually(() => !isAlive(pid))
})

t.test('A sample of this very machine fits a beat', async (t) => {
  const sampler = createSampler({ dataDir: t.testdir() })
  await sampler.sample()
  const sample = await sampler.sample()
  t.doesNotThrow(() => v.parse(beat, { type: 'beat', session: 1, seq: 1, e: 0, r: 0, ...sample }))
  t.ok(sample.mem > 0 && sample.disk > 0)
  const headroom = await sampler.headroom()
  t.ok(headroom.diskTotalBytes >= headroom.diskAvailableBytes)
})

t.test('The kernel’s own numbers are read as they are meant', async (t) => {
  t.same(parseStat('cpu  10 0 20 60 10 0 0 0 5 0\ncpu0 1 1\n'), { total: 100, busy: 30 })
  t.same(parseMeminfo('MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:   400 kB\n'), {
    total: 1_024_000,
    available: 409_600,
  })
  t.equal(parseMeminfo('nothing'), undefined)
  const traffic =
    'Inter-| x\n face |bytes\n  lo: 9 0 0 0 0 0 0 0 9\n eth0: 100 1 0 0 0 0 0 0 200 1\nveth1: 5 0 0 0 0 0 0 0 5\n wlan0:1 0 0 0 0 0 0 0 2\n'
  t.same(parseTraffic(traffic), { rx: 101, tx: 202 })
})

t.test('Usage is measured between two samples, temperature from the hottest zone that answers', async (t) => {
  const root = t.testdir({
    proc: { stat: 'cpu  0 0 0 0 0 0 0 0\n', meminfo: 'MemTotal: 1000 kB\nMemAvailable: 250 kB\n' },
    sys: {
      class: {
        thermal: {
          thermal_zone0: { temp: '41500\n' },
          thermal_zone1: { temp: '62340\n' },
          thermal_zone2: {},
          cooling_device0: {},
        },
      },
    },
  })
  const sample = await createSampler({ dataDir: root, root }).sample()
  t.equal(sample.temp, 623)
  t.equal(sample.mem, 1_000_000, 'to the megabyte')
  t.equal(sample.cpu, 0)
  t.equal(sample.rx, undefined, 'what cannot be measured is left out')
})

t.test('A clock that stands in 1970 was never set', async (t) => {
  t.equal(isClockSet(0), false)
  t.equal(isClockSet(Date.UTC(2020, 0, 1)), false)
  t.equal(isClockSet(Date.UTC(2026, 10, 20)), true)
})
