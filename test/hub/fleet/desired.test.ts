// desired.test.ts - checks that states are numbered once, sent until applied, and never twice with other bytes
import t from 'tap'
import { createDesired } from '../../../hub/fleet/desired.ts'
import { createNumbers } from '../../../hub/fleet/numbers.ts'
import { createSessions } from '../../../hub/fleet/sessions.ts'
import { createObjects } from '../../../hub/store/objects.ts'
import { systemRandom } from '../../../shared/random.ts'
import { sha256Hex } from '../../../shared/hash.ts'
import { NAMESPACE } from '../../../shared/kinds/namespace.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { silentLog } from '../../../shared/log.ts'
import type { Hello } from '../../../shared/protocol/messages.ts'
import { facts } from '../../support/fleet-rig.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import { startedStore } from '../../support/store.ts'

const connection = { id: 1, node: 'till', instance: 'a', keyFingerprint: '', address: '' }

async function rig(t: { teardown(end: () => unknown): void }) {
  const clock = createManualClock()
  const store = await startedStore()
  t.teardown(() => store.stop())
  const objects = createObjects({ store, namespaces: NAMESPACE, clock, random: systemRandom })
  objects.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: {} })
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'till' }, spec: {} })
  const warned: string[] = []
  const sent: { body: Buffer; dictionary: number | undefined }[] = []
  const hub = (beatEveryMs = 10_000) => {
    const sessions = createSessions({ beatEveryMs: () => beatEveryMs })
    const desired = createDesired({
      store,
      objects,
      sessions,
      clock,
      log: silentLog,
      events: { record: ({ reason }) => void warned.push(reason) },
      beatEveryMs: () => beatEveryMs,
      numbers: createNumbers(store),
      guard: { told() {}, knows: () => false, async check() {}, forget() {} },
      waitMs: ({ hello }) => (hello?.held.revision === 1_000_000 ? 7_000 : undefined),
      above: () => undefined,
      isSignedNow: () => true,
      epoch: () => 1,
      send: (_node, body, dictionary) => void sent.push({ body, dictionary: dictionary?.id }),
    })
    const hello = (held: Hello['held'], wantPlain = false) => {
      const session = sessions.open(connection, clock.monoMs())
      const rest = {
        protocol: 1,
        agentVersion: '',
        session: 1,
        instance: 'a',
        runtimes: [],
        labels: {},
        statusDigest: '',
      }
      session.hello = { type: 'hello', ...rest, facts: facts(), held, ...(wantPlain && { wantPlain }) }
      session.applied = held
      desired.begin(session)
      return session
    }
    return { desired, hello, step: () => desired.reconcile('till') }
  }
  const addPod = (name: string) => {
    const metadata = { name, namespace: 'default' }
    objects.create(POD, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { nodeName: 'till', containers: [{ name: 'a', image: 'b' }] },
    })
  }
  const last = () => JSON.parse(sent.at(-1)?.body.toString() ?? '{}')
  return { clock, store, objects, hub, sent, warned, addPod, last }
}

const NOTHING = { epoch: 0, revision: 0 }

t.test('A state is sent again, ever more slowly, until the device has applied it', async (t) => {
  const { hub, clock, sent, last } = await rig(t)
  const { hello, step } = hub()
  const session = hello(NOTHING)
  const waits: number[] = []
  for (let round = 0; round < 6; round++) {
    const outcome = await step()
    const waitMs = outcome ? outcome.againAfterMs : 0
    waits.push(waitMs)
    await clock.advance(waitMs)
  }
  t.same(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
  t.equal(sent.length, 6)
  session.applied = { epoch: last().epoch, revision: last().revision }
  t.equal(await step(), undefined)
  t.equal(sent.length, 6)
})

t.test('Asking too early sends nothing', async (t) => {
  const { hub, sent } = await rig(t)
  const { hello, step } = hub()
  hello(NOTHING)
  await step()
  t.match(await step(), { againAfterMs: 5_000 })
  t.equal(sent.length, 1)
})

t.test('A change that leaves the document as it is makes no new number', async (t) => {
  const { hub, sent, store, objects } = await rig(t)
  const { hello, step, desired } = hub()
  const session = hello(NOTHING)
  await step()
  const { epoch, revision } = JSON.parse(sent[0]!.body.toString())
  session.applied = { epoch, revision }
  objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'other' }, spec: {} })
  t.ok(store.revision > revision)
  desired.touch('till')
  t.equal(await step(), undefined)
  t.equal(sent.length, 1)
})

t.test('A restarted hub that sees its own state in the hello sends nothing', async (t) => {
  const { hub, sent, addPod, last } = await rig(t)
  addPod('web')
  const before = hub()
  before.hello(NOTHING)
  await before.step()
  const { epoch, revision } = last()
  addPod('elsewhere-in-time')
  const digest = sha256Hex(sent[0]!.body)
  const after = hub()
  after.hello({ epoch, revision, digest })
  await after.step()
  t.equal(sent.length, 2, 'there is another pod now')
  const newest = { epoch: last().epoch, revision: last().revision, digest: sha256Hex(sent[1]!.body) }
  const third = hub()
  third.hello(newest)
  t.equal(await third.step(), undefined)
  t.equal(sent.length, 2)
})

t.test('Other settings after a restart of the hub never reuse a number', async (t) => {
  const { hub, sent, last, store } = await rig(t)
  const before = hub(10_000)
  before.hello(NOTHING)
  await before.step()
  const { epoch, revision } = last()
  t.equal(revision, store.revision)
  const after = hub(30_000)
  after.hello({ epoch, revision, digest: sha256Hex(sent[0]!.body) })
  await after.step()
  t.equal(sent.length, 2)
  t.ok(last().revision > revision)
})

t.test('A device that may hold what the hub does not know is told nothing', async (t) => {
  const { hub, sent } = await rig(t)
  const { hello, step } = hub()
  hello({ epoch: 1, revision: 1_000_000, digest: 'f'.repeat(64) })
  t.same(await step(), { againAfterMs: 7_000 })
  t.equal(sent.length, 0)
})

t.test('A device that asks for it gets its state plain; others get it against what they have applied', async (t) => {
  const { hub, sent, addPod, last } = await rig(t)
  const { hello, step, desired } = hub()
  const session = hello(NOTHING)
  await step()
  session.applied = { epoch: last().epoch, revision: last().revision }
  addPod('web')
  desired.touch('till')
  await step()
  t.not(sent[1]!.dictionary, sent[0]!.dictionary, 'against the former state')
  hello(session.applied, true)
  await step()
  t.equal(sent[2]!.dictionary, undefined)
})
