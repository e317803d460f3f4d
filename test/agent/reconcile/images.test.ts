// images.test.ts - who shares a pull, who waits in line for one, and what becomes of it when nobody wants it any more
import type { Test } from 'tap'
import t from 'tap'
import { createImages } from '../../../agent/reconcile/images.ts'
import { sleep } from '../../../shared/clock.ts'
import { createFakeRuntime } from '../../support/fake-runtime.ts'
import { createManualClock } from '../../support/manual-clock.ts'

const HOUR_MS = 3_600_000

function registry(images: Record<string, number>) {
  const clock = createManualClock()
  const runtime = createFakeRuntime({ clock })
  for (const [image, takesMs] of Object.entries(images)) runtime.images.pullable(image, { takesMs })
  const { fetch } = createImages()
  const want = (image: string, signal = new AbortController().signal) => {
    const request = { runtime, image, policy: 'IfNotPresent', isRepeat: false, credentials: [], signal } as const
    return fetch({ ...request, onPull: () => {}, onProgress: () => {} })
  }
  const pulls = () => runtime.actions.flatMap((action) => (action.do === 'pull' ? [action.image] : []))
  return { clock, runtime, want, pulls }
}

/** Three are under way: whoever comes now waits in line. */
async function busyLine(t: Test) {
  const made = registry({ a: HOUR_MS, b: HOUR_MS, c: HOUR_MS, web: 1_000 })
  const others = ['a', 'b', 'c'].map((image) => made.want(image))
  t.teardown(() => Promise.all(others))
  await made.clock.advance(0)
  return made
}

t.test('All who want the same image share one pull', async (t) => {
  const { clock, want, pulls } = registry({ web: 1_000 })
  const both = [want('web'), want('web')]
  await clock.advance(1_000)
  for (const one of both) t.match(await one, { how: 'pulled' })
  t.same(pulls(), ['web'])
})

t.test('A pull that somebody else gave up in the line is not handed on', async (t) => {
  const { clock, want, pulls } = await busyLine(t)
  const first = new AbortController()
  const gone = want('web', first.signal)
  gone.catch(() => {})
  await clock.advance(0)
  first.abort()
  const second = want('web')
  await clock.advance(2 * HOUR_MS)
  t.match(await second, { how: 'pulled' })
  await t.rejects(gone, /nobody waits/)
  t.equal(pulls().filter((image) => image === 'web').length, 1)
})

t.test('A pull that was given up at work is begun anew for whoever comes next', async (t) => {
  const { clock, want } = registry({ web: HOUR_MS })
  const first = new AbortController()
  const gone = want('web', first.signal)
  gone.catch(() => {})
  await clock.advance(1_000)
  first.abort()
  const second = want('web')
  await clock.advance(2 * HOUR_MS)
  t.match(await second, { how: 'pulled' })
  await t.rejects(gone)
})

t.test('An image is not pulled for a pod that went while the runtime was asked for it', async (t) => {
  const { clock, want, pulls } = registry({ web: 1_000 })
  const pod = new AbortController()
  const gone = want('web', pod.signal)
  gone.catch(() => {})
  pod.abort()
  await clock.advance(10_000)
  await t.rejects(gone, { name: 'AbortError' })
  t.same(pulls(), [])
})

t.test(
  'A pull of which nothing is heard for long is not cancelled: its runtime knows how long is too long',
  async (t) => {
    const { clock, want, runtime } = registry({})
    let isCancelled = false
    runtime.pull = async ({ signal }) => {
      signal.addEventListener('abort', () => (isCancelled = true))
      await sleep(clock, HOUR_MS, signal)
      return { id: 'sha256:1', user: '' }
    }
    const silent = want('web')
    await clock.advance(HOUR_MS)
    t.match(await silent, { how: 'pulled' })
    t.notOk(isCancelled)
  },
)
