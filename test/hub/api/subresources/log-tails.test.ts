// log-tails.test.ts - what the hub keeps of logs that pass through it: the end, whole lines, and not much
import fc from 'fast-check'
import t from 'tap'
import { createLogTails, partOfTail, TAIL_BYTES_MAX, TAILS_MAX } from '../../../../hub/api/subresources/log-tails.ts'
import { createManualClock } from '../../../support/manual-clock.ts'

t.test('The end is kept, in whole lines, and a new reading takes its place', async (t) => {
  const tails = createLogTails(createManualClock())
  const record = tails.record('web')
  for (let line = 0; line < 20_000; line++) record(Buffer.from(`line ${line}\n`))
  const text = tails.find('web')?.bytes.toString() ?? ''
  t.ok(text.length <= TAIL_BYTES_MAX && text.length > TAIL_BYTES_MAX - 20)
  t.match(text, /^line \d+\n/)
  t.match(text, /\nline 19999\n$/)
  const again = tails.record('web')
  t.equal(tails.find('web')?.bytes.toString(), text, 'a reading that brings nothing takes nothing away')
  again(Buffer.from('new\n'))
  t.equal(tails.find('web')?.bytes.toString(), 'new\n')
})

t.test('Only so many are kept, those that were read last', async (t) => {
  const tails = createLogTails(createManualClock())
  for (let number = 0; number <= TAILS_MAX; number++) tails.record(`pod-${number}`)(Buffer.from('x'))
  t.equal(tails.find('pod-0'), undefined)
  t.ok(tails.find('pod-1'))
  t.ok(tails.find(`pod-${TAILS_MAX}`))
})

t.test('The last lines and the first bytes of them can be asked for', async (t) => {
  const part = (text: string, asked: Parameters<typeof partOfTail>[1]) =>
    partOfTail(Buffer.from(text), asked).toString()
  t.equal(part('one\ntwo\nthree\n', { tailLines: 2 }), 'two\nthree\n')
  t.equal(part('one\ntwo\nthr', { tailLines: 2 }), 'two\nthr')
  t.equal(part('one\n\n', { tailLines: 1 }), '\n')
  t.equal(part('one\n', { tailLines: 0 }), '')
  t.equal(part('one\ntwo\n', { tailLines: 1, limitBytes: 2 }), 'tw')
  const bytes = fc.uint8Array().map((array) => Buffer.from(array))
  t.doesNotThrow(() =>
    fc.assert(fc.property(bytes, (all) => partOfTail(all, { tailLines: all.length + 1 }).equals(all))),
  )
})
