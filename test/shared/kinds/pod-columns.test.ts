// pod-columns.test.ts - `kubectl get pods` says what upstream's printer says
import t from 'tap'
import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { container, pod } from '../../support/builders.ts'

const NOW_MS = Date.parse('2026-11-20T12:10:00Z')

function row(object: Pod): string {
  const cells = POD.columns.filter(({ wide }) => !wide).map((column) => column.value(object, NOW_MS))
  return cells.map((cell) => (typeof cell === 'string' ? cell : JSON.stringify(cell))).join(' | ')
}

const running: ContainerState = { running: { startedAt: '2026-11-20T12:00:00Z' } }
const waiting = (reason: string): ContainerState => ({ waiting: { reason } })
const ended = (exitCode: number, reason?: string, signal?: number): ContainerState => ({
  terminated: { exitCode, ...(reason && { reason }), ...(signal && { signal }) },
})
const status = (state: ContainerState, rest: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name: 'app',
  image: 'x',
  imageID: '',
  ready: state.running !== undefined,
  restartCount: 0,
  state,
  ...rest,
})
const withStatus = (given: Partial<PodStatus>, spec = {}, metadata = {}) => {
  const object = pod('web', spec, { status: { phase: 'Running', ...given } })
  return { ...object, metadata: { ...object.metadata, ...metadata } }
}
const app = (...containerStatuses: ContainerStatus[]) => ({ containerStatuses })
const init = { initContainers: [container({ name: 'a' }), container({ name: 'b' })] }
const initStatus = (...states: ContainerState[]) => ({
  phase: 'Pending',
  initContainerStatuses: states.map((state, index) => status(state, { name: index === 0 ? 'a' : 'b' })),
  containerStatuses: [status(waiting('PodInitializing'))],
})

const ROWS: [string, Pod, string][] = [
  ['just made', pod('web'), 'web | 0/1 | Pending | 0 | 10m'],
  [
    'starting',
    withStatus({ phase: 'Pending', ...app(status(waiting('ContainerCreating'))) }),
    'web | 0/1 | ContainerCreating | 0 | 10m',
  ],
  ['running', withStatus(app(status(running))), 'web | 1/1 | Running | 0 | 10m'],
  [
    'restarted',
    withStatus(
      app(
        status(running, {
          restartCount: 3,
          lastState: { terminated: { exitCode: 1, finishedAt: '2026-11-20T12:05:00Z' } },
        }),
      ),
    ),
    'web | 1/1 | Running | 3 (5m ago) | 10m',
  ],
  [
    'crashing',
    withStatus(app(status(waiting('CrashLoopBackOff'), { restartCount: 2 }))),
    'web | 0/1 | CrashLoopBackOff | 2 | 10m',
  ],
  [
    'without its image',
    withStatus({ phase: 'Pending', ...app(status(waiting('ImagePullBackOff'))) }),
    'web | 0/1 | ImagePullBackOff | 0 | 10m',
  ],
  ['out of memory', withStatus(app(status(ended(137, 'OOMKilled')))), 'web | 0/1 | OOMKilled | 0 | 10m'],
  ['ended with a code', withStatus({ phase: 'Failed', ...app(status(ended(3))) }), 'web | 0/1 | ExitCode:3 | 0 | 10m'],
  [
    'ended by a signal',
    withStatus({ phase: 'Failed', ...app(status(ended(0, undefined, 9))) }),
    'web | 0/1 | Signal:9 | 0 | 10m',
  ],
  [
    'done',
    withStatus({ phase: 'Succeeded', ...app(status(ended(0, 'Completed'))) }),
    'web | 0/1 | Completed | 0 | 10m',
  ],
  ['evicted', withStatus({ phase: 'Failed', reason: 'Evicted' }), 'web | 0/1 | Evicted | 0 | 10m'],
  [
    'going',
    withStatus(app(status(running)), {}, { deletionTimestamp: '2026-11-20T12:09:00Z' }),
    'web | 1/1 | Terminating | 0 | 10m',
  ],
  [
    'done and going',
    withStatus(
      { phase: 'Succeeded', ...app(status(ended(0, 'Completed'))) },
      {},
      { deletionTimestamp: '2026-11-20T12:09:00Z' },
    ),
    'web | 0/1 | Completed | 0 | 10m',
  ],
  [
    'going on a lost node',
    withStatus({ reason: 'NodeLost', ...app(status(running)) }, {}, { deletionTimestamp: '2026-11-20T12:09:00Z' }),
    'web | 1/1 | Unknown | 0 | 10m',
  ],
  [
    'before its first init container',
    withStatus(initStatus(waiting('PodInitializing'), waiting('PodInitializing')), init),
    'web | 0/1 | Init:0/2 | 0 | 10m',
  ],
  [
    'in its second init container',
    withStatus(initStatus(ended(0, 'Completed'), running), init),
    'web | 0/1 | Init:1/2 | 0 | 10m',
  ],
  [
    'with a failing init container',
    withStatus(initStatus(ended(1, 'Error'), waiting('PodInitializing')), init),
    'web | 0/1 | Init:Error | 0 | 10m',
  ],
  [
    'with a crashing init container',
    withStatus(initStatus(waiting('CrashLoopBackOff')), init),
    'web | 0/1 | Init:CrashLoopBackOff | 0 | 10m',
  ],
  [
    'with an init container that ended with a code',
    withStatus(initStatus(ended(2)), init),
    'web | 0/1 | Init:ExitCode:2 | 0 | 10m',
  ],
  [
    'initialised',
    withStatus(initStatus(ended(0, 'Completed'), ended(0, 'Completed')), init),
    'web | 0/1 | PodInitializing | 0 | 10m',
  ],
  [
    'with a sidecar',
    withStatus(
      {
        initContainerStatuses: [status(running, { name: 'side', started: true })],
        containerStatuses: [status(running)],
      },
      { initContainers: [container({ name: 'side', restartPolicy: 'Always' })] },
    ),
    'web | 2/2 | Running | 0 | 10m',
  ],
  [
    'half done',
    withStatus(
      {
        ...app(status(ended(0, 'Completed')), status(running, { name: 'b' })),
        conditions: [{ type: 'Ready', status: 'False' }],
      },
      { containers: [container(), container({ name: 'b' })] },
    ),
    'web | 1/2 | NotReady | 0 | 10m',
  ],
  [
    'gated',
    withStatus({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
    }),
    'web | 0/1 | SchedulingGated | 0 | 10m',
  ],
]

for (const [what, object, expected] of ROWS) {
  t.test(`A pod that is ${what}`, async (t) => {
    t.equal(row(object), expected)
  })
}

t.test('The wide columns', async (t) => {
  const object = withStatus(
    { podIP: '10.1.2.3', conditions: [{ type: 'open', status: 'True' }] },
    { nodeName: 'n1', readinessGates: [{ conditionType: 'open' }, { conditionType: 'shut' }] },
  )
  const cells = POD.columns.filter(({ wide }) => wide).map((column) => [column.name, column.value(object, NOW_MS)])
  t.same(Object.fromEntries(cells), {
    IP: '10.1.2.3',
    Node: 'n1',
    'Nominated Node': '<none>',
    'Readiness Gates': '1/2',
  })
})
