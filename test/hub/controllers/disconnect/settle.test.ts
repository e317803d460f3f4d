// settle.test.ts - who stays when a device returns, policy by policy
import fc from 'fast-check'
import t from 'tap'
import { RETURN_PATIENCE_MS, settle } from '../../../../hub/controllers/disconnect/settle.ts'
import type { Pod } from '../../../../shared/kinds/object.ts'
import { meta, pod } from '../../../support/builders.ts'
import { isDisconnected } from '../../../../shared/disconnect-policy.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')

interface Look {
  /** One of its own unless told. */
  nodeName?: string
  policy?: string
  replaces?: string
  ready?: boolean
  phase?: string
  restarts?: number
  since?: string
  aside?: boolean
  going?: boolean
}

function one(name: string, look: Look = {}): Pod {
  const {
    nodeName = name,
    policy,
    replaces,
    ready = true,
    phase = 'Running',
    restarts = 0,
    since = '11:00:00',
    aside,
    going,
  } = look
  const annotations = {
    ...(policy && { 'holdfast.dev/on-reconnect': policy }),
    ...(replaces && { 'holdfast.dev/replaces': replaces }),
  }
  const creationTimestamp = '2026-11-20T10:00:00Z'
  const metadata = meta(name, {
    ...{ uid: name, annotations, creationTimestamp },
    ...(going && { deletionTimestamp: '2026-11-20T12:00:00Z' }),
  })
  const state = { running: { startedAt: `2026-11-20T${since}Z` } }
  const container = { name: 'app', image: '', imageID: '', ready, restartCount: restarts, state }
  const conditions = [
    { type: 'Ready', status: ready ? 'True' : 'False' },
    ...(aside ? [{ type: 'holdfast.dev/Disconnected', status: 'True' }] : []),
  ]
  return pod(name, { nodeName }, { metadata, status: { phase, conditions, containerStatuses: [container] } })
}

const outcome = (returned: Pod, others: readonly Pod[], returnedForMs = 0) => {
  const settlement = settle(returned, [returned, ...others], returnedForMs, NOW)
  if (settlement.do === 'wait') return 'wait'
  const gone = settlement.remove.map(({ metadata: { name } }) => name).toSorted((a, b) => a.localeCompare(b))
  return `${settlement.pod.metadata.name} stays${gone.length > 0 ? `, ${gone.join(' and ')} goes` : ''}`
}

const back = (look: Look = {}) => one('old', { aside: true, ...look })
const spare = (look: Look = {}) => one('new', { replaces: 'old', ...look })

const table: [string, Pod, Pod[], string][] = [
  ['nobody was started in its place', back(), [one('neighbour')], 'old stays'],
  ['the default: the replacement, as in Kubernetes', back(), [spare()], 'new stays, old goes'],
  ['a replacement that never became ready', back(), [spare({ ready: false, phase: 'Pending' })], 'old stays, new goes'],
  ['a replacement that waited for this very device', back(), [spare({ nodeName: 'old' })], 'old stays, new goes'],
  ['neither is ready', back({ ready: false }), [spare({ ready: false })], 'new stays, old goes'],
  ['keep-original', back({ policy: 'keep-original' }), [spare()], 'old stays, new goes'],
  ['keep-original that is not ready yet', back({ policy: 'keep-original', ready: false }), [spare()], 'wait'],
  [
    'keep-longest-running: the original',
    back({ policy: 'keep-longest-running', since: '10:30:00' }),
    [spare()],
    'old stays, new goes',
  ],
  [
    'keep-longest-running: it restarted meanwhile',
    back({ policy: 'keep-longest-running', since: '11:30:00' }),
    [spare()],
    'new stays, old goes',
  ],
  [
    'keep-longest-running: its clock stands in 1970',
    one('old', { aside: true, policy: 'keep-longest-running', since: '09:00:00' }),
    [spare({ since: '10:00:00' })],
    'old stays, new goes',
  ],
  [
    'keep-healthiest: fewer restarts',
    back({ policy: 'keep-healthiest', restarts: 3 }),
    [spare()],
    'new stays, old goes',
  ],
  [
    'keep-healthiest: equal, the longer',
    back({ policy: 'keep-healthiest', since: '10:30:00' }),
    [spare()],
    'old stays, new goes',
  ],
  ['a replacement that goes already', back(), [spare({ going: true })], 'old stays'],
  ["the replacement's device is away too", back(), [spare({ aside: true })], 'old stays'],
  [
    "a replacement's replacement",
    back(),
    [spare({ aside: true }), one('newest', { replaces: 'new' })],
    'newest stays, new and old goes',
  ],
  [
    'the replacement returns, the original is still away',
    spare({ aside: true }),
    [back(), one('newest', { replaces: 'new' })],
    'newest stays, new and old goes',
  ],
]

t.test('Who stays when a device returns', async (t) => {
  for (const [title, returned, others, expected] of table) t.equal(outcome(returned, others), expected, title)
})

t.test('An original that does not become ready in time does not end the replacement', async (t) => {
  const original = back({ policy: 'keep-original', ready: false })
  t.equal(outcome(original, [spare()], RETURN_PATIENCE_MS), 'new stays, old goes')
})

t.test(
  'After the policy has spoken one of them is left, and never one that does not serve beside one that does',
  async () => {
    const policy = fc.constantFrom('keep-original', 'keep-replacement', 'keep-longest-running', 'keep-healthiest')
    const look = fc.record({ ready: fc.boolean(), restarts: fc.nat(5), aside: fc.boolean(), going: fc.boolean() })
    fc.assert(
      fc.property(policy, fc.array(look, { minLength: 1, maxLength: 5 }), fc.nat(5), (policy, looks, index) => {
        const at = index % looks.length
        const family = looks.map((each, place) =>
          one(`pod-${place}`, {
            ...each,
            ...(place === 0 ? { policy } : { replaces: `pod-${place - 1}` }),
            ...(place === at && { aside: true, going: false }),
          }),
        )
        const returned = family[at]
        if (!returned) return false
        const settlement = settle(returned, family, RETURN_PATIENCE_MS, NOW)
        if (settlement.do === 'wait') return false
        const isReady = ({ status }: Pod) => status?.conditions?.[0]?.status === 'True'
        const here = family.filter(
          (pod) => pod === returned || (!isDisconnected(pod) && !pod.metadata.deletionTimestamp),
        )
        const left = family.filter((pod) => !settlement.remove.includes(pod) && !pod.metadata.deletionTimestamp)
        if (here.length === 1) return settlement.pod === returned && settlement.remove.length === 0
        return left.length === 1 && left[0] === settlement.pod && (isReady(settlement.pod) || !here.some(isReady))
      }),
    )
  },
)
