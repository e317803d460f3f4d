// bring-back.test.ts - checks what a hub takes back from a device after a loss, and when it has to ask at all
import fc from 'fast-check'
import t from 'tap'
import { planBringBack } from '../../../hub/fleet/bring-back.ts'
import { continuityOf, isAhead } from '../../../hub/fleet/continuity.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { container, pod } from '../../support/builders.ts'

const on = (name: string, uid: string, rest: Partial<Pod['metadata']> = {}, image = 'my-image'): Pod => {
  const made = pod(name, { nodeName: 'till', containers: [container({ image })] })
  return { ...made, metadata: { ...made.metadata, uid, ...rest } }
}
const ran = (given: Pod): Pod => ({ ...given, status: { phase: 'Running', startTime: '2026-11-20T12:00:00Z' } })
const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => `${metadata.name} ${metadata.uid}`)

interface World {
  held: Pod[]
  known: Pod[]
  others?: Pod[]
  isNewer?: boolean
}
function plan({ held, known, others = [], isNewer = true }: World) {
  const all = [...known, ...others]
  const done = planBringBack({
    held: { pods: held },
    known,
    holderOf: (namespace, name) =>
      all.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace),
    isNewer,
  })
  return { unknown: names(done.unknown), changed: names(done.changed), gone: names(done.gone) }
}
const NOTHING = { unknown: [], changed: [], gone: [] }

t.test('What runs there and is not in the store comes back; what is in both stays as it is', async (t) => {
  t.same(plan({ held: [on('a', '1'), on('b', '2')], known: [on('a', '1')] }), { ...NOTHING, unknown: ['b 2'] })
  t.same(plan({ held: [on('a', '1')], known: [on('a', '1')] }), NOTHING)
  t.same(plan({ held: [], known: [] }), NOTHING)
})

t.test('What was on its way out when the history broke goes on its way, and is there until it has ended', async (t) => {
  const end = { deletionTimestamp: '2026-11-20T12:00:00Z', deletionGracePeriodSeconds: 600 }
  const leaving = on('a', '1', end)
  const planned = (known: Pod[]) =>
    planBringBack({ held: { pods: [leaving] }, known, holderOf: () => undefined, isNewer: true })
  t.match(planned([]), { unknown: [{ metadata: end }], changed: [], gone: [] })
  t.match(planned([ran(on('a', '1'))]), {
    unknown: [],
    changed: [{ metadata: end, status: { phase: 'Running' } }],
    gone: [],
  })
  t.same(planned([leaving]), NOTHING, 'the store knows that')
})

t.test('What the device had and has no more is gone; what never arrived there is still to come', async (t) => {
  t.same(plan({ held: [], known: [ran(on('a', '1')), on('b', '2')] }), { ...NOTHING, gone: ['a 1'] })
  t.same(plan({ held: [], known: [ran(on('a', '1'))], isNewer: false }), NOTHING, 'an older state says nothing')
})

t.test('The newer form counts, also for a pod that the store has in an older one', async (t) => {
  const held = [on('a', '1', {}, 'my-image:2')]
  t.same(plan({ held, known: [on('a', '1')] }), { ...NOTHING, changed: ['a 1'] })
  t.same(plan({ held, known: [on('a', '1')], isNewer: false }), NOTHING)
})

t.test('A name that is taken elsewhere gets an ending; one that is free again does not', async (t) => {
  const elsewhere = { ...on('a', '1'), spec: { ...on('a', '1').spec, nodeName: 'other' } }
  t.same(plan({ held: [on('a', '22222222')], known: [], others: [elsewhere] }).unknown, ['a-22222 22222222'])
  t.same(plan({ held: [on('a', '2')], known: [ran(on('a', '1'))] }), { ...NOTHING, unknown: ['a 2'], gone: ['a 1'] })
})

t.test('Whatever was lost: afterwards the store has all that runs on the device, each uid once', async (t) => {
  const uid = fc.constantFrom(...'12345678'.split(''))
  const some = fc.uniqueArray(uid, { maxLength: 8 })
  fc.assert(
    fc.property(some, some, fc.boolean(), fc.boolean(), (heldUids, knownUids, isNewer, haveRun) => {
      const held = heldUids.map((one) => on(`pod-${Number(one) % 3}-${one}`, one))
      const known = knownUids
        .map((one) => on(`pod-${Number(one) % 3}-${one}`, one))
        .map((one) => (haveRun ? ran(one) : one))
      const done = planBringBack({ held: { pods: held }, known, holderOf: () => undefined, isNewer })
      const gone = new Set(done.gone.map(({ metadata }) => metadata.uid))
      const after = [...knownUids.filter((one) => !gone.has(one)), ...done.unknown.map(({ metadata }) => metadata.uid)]
      return heldUids.every((one) => after.includes(one)) && new Set(after).size === after.length
    }),
  )
  t.pass('held for all')
})

const last = (epoch: number, revision: number, settledIn = epoch) => ({ epoch, revision, settledIn })

t.test('A device is asked when it was told more than the hub remembers, or when anything may be missing', async (t) => {
  const held = { epoch: 1, revision: 50 }
  const ask = (rest: Partial<Parameters<typeof continuityOf>[0]>) =>
    continuityOf({ held, last: last(1, 50), epoch: 1, loss: 'tail', ...rest })
  t.equal(ask({}), 'known')
  t.equal(ask({ held: { epoch: 0, revision: 0 }, last: undefined }), 'known', 'it holds nothing')
  t.equal(ask({ last: last(1, 60) }), 'known', 'it was away')
  t.equal(ask({ last: last(1, 49) }), 'ask')
  t.equal(ask({ last: undefined }), 'ask')
  t.equal(ask({ held: { epoch: 2, revision: 1 } }), 'ask')
  t.equal(ask({ epoch: 2 }), 'known', 'after the loss of a tail what came before it is whole')
  t.equal(ask({ epoch: 2, loss: 'rows' }), 'ask')
  t.equal(ask({ epoch: 2, loss: 'rows', last: last(1, 50, 2) }), 'known', 'once is enough')
})

t.test('Only a number of this epoch or a later one shows that the hub is behind', async (t) => {
  const held = { epoch: 2, revision: 50 }
  t.equal(isAhead(held, last(2, 50), 2), false)
  t.equal(isAhead(held, last(2, 49), 2), true)
  t.equal(isAhead(held, undefined, 2), true)
  t.equal(isAhead(held, last(1, 40), 1), true)
  t.equal(isAhead(held, undefined, 3), false)
})
