// status.test.ts - the one screen that tells an operator how the fleet is, and how old each thing is that it says
import t from 'tap'
import { statusScreen, type FleetView } from '../../../hub/cli/status.ts'
import type { Pod } from '../../../shared/kinds/object.ts'
import { daemonSet, deployment, node, pod, ready, stored } from '../../support/builders.ts'

const nowMs = Date.UTC(2026, 10, 20, 12, 10)
const at = (minutes: number) => new Date(nowMs - minutes * 60_000).toISOString()
const rollout = (message: string) => ({ type: 'holdfast.dev/Rollout', status: 'True', message })

function fleet(rest: Partial<FleetView> = {}): FleetView {
  const away = node('till-2', { ready: 'Unknown' })
  const annotations = {
    'holdfast.dev/state': 'Unreachable',
    'holdfast.dev/state-since': at(5),
    'holdfast.dev/last-beat': at(6),
    'holdfast.dev/last-witness': `link broke at ${at(6)}`,
  }
  return {
    server: 'https://hub:6443',
    version: 'v1',
    nodes: [node('till-1'), { ...away, metadata: { ...away.metadata, annotations } }],
    beats: new Map([['till-1', at(0)]]),
    deployments: [],
    daemonSets: [],
    pods: [],
    ...rest,
  }
}
const line = (screen: string, start: string) =>
  screen
    .split('\n')
    .find((each) => each.trim().startsWith(start))
    ?.trim()

t.test('Each workload has a line that says how far its newest version is', async (t) => {
  const web = {
    ...stored(deployment('web')),
    status: { conditions: [rollout('37 updated, 1 failed, 5 offline (queued)')] },
  }
  const numbers = { currentNumberScheduled: 2, desiredNumberScheduled: 2, numberMisscheduled: 0, numberReady: 2 }
  const log = { ...stored(daemonSet('log')), status: { ...numbers, updatedNumberScheduled: 2 } }
  const screen = statusScreen(fleet({ deployments: [web], daemonSets: [log] }), nowMs)
  t.match(line(screen, 'default/web'), /Deployment +0\/3 +37 updated, 1 failed, 5 offline \(queued\) +10m/)
  t.match(line(screen, 'default/log'), /DaemonSet +2\/2 +2 updated/)
})

t.test('What is known of a device that is away comes with its age, for its pods too', async (t) => {
  const lost: Pod = ready(pod('web-1'), 'till-2')
  lost.status = {
    ...lost.status,
    conditions: [{ type: 'Ready', status: 'False', reason: 'NodeNotReady', lastTransitionTime: at(5) }],
  }
  const queued = pod('web-2', { nodeName: 'till-2' })
  const message = 'device till-2 is away; it starts this pod when it is back'
  queued.status = {
    conditions: [{ type: 'holdfast.dev/Queued', status: 'True', message, lastTransitionTime: at(3) }],
  }
  const screen = statusScreen(fleet({ pods: [lost, queued] }), nowMs)
  t.match(
    line(screen, 'node till-2'),
    'node till-2 is Unreachable for 5m; last beat 6m ago, last witness: link broke 6m ago',
  )
  t.equal(
    line(screen, 'pod default/web-1'),
    'pod default/web-1 on till-2: its device is away for 5m; it was ready when it was last heard of',
  )
  t.equal(line(screen, 'pod default/web-2'), `pod default/web-2 on till-2: queued for 3m: ${message}`)
})

t.test('A fleet that is well says so', async (t) => {
  const nodes = [node('till-1')]
  const { metadata } = nodes[0] ?? node('till-1')
  Object.assign(metadata, { annotations: { 'holdfast.dev/state': 'Online', 'holdfast.dev/state-since': at(60) } })
  t.match(statusScreen(fleet({ nodes, pods: [ready(pod('web'), 'till-1')] }), nowMs), 'Everything is as it should be.')
})
