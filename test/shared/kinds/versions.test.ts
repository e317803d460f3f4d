// versions.test.ts - what is served in two versions loses nothing on the way there and back
import t from 'tap'
import { HORIZONTAL_POD_AUTOSCALER, HORIZONTAL_POD_AUTOSCALER_V1 } from '../../../shared/kinds/autoscaling.ts'
import { EVENT, EVENT_V1 } from '../../../shared/kinds/event.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { KubeObject } from '../../../shared/kinds/object.ts'
import { meta } from '../../support/builders.ts'

function viaOther(kind: Kind, object: KubeObject): KubeObject {
  if (!kind.storage) throw new Error('it has only one version')
  return kind.storage.toStorage(kind.storage.fromStorage(object))
}

const scaleTargetRef = { kind: 'Deployment', name: 'web' }
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }
const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } }

const autoscaler = (spec: object, status?: object): KubeObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: meta('web', { annotations: { mine: 'kept' } }),
  spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, ...spec },
  ...(status && { status }),
})

t.test('An autoscaler in v1 is the same autoscaler', async (t) => {
  const status = {
    currentReplicas: 1,
    desiredReplicas: 2,
    lastScaleTime: '2026-11-20T12:00:00Z',
    conditions: [{ type: 'AbleToScale', status: 'True' }],
  }
  const full = autoscaler({ metrics: [cpu, memory], behavior: { scaleUp: { selectPolicy: 'Max' } } }, status)
  t.strictSame(viaOther(HORIZONTAL_POD_AUTOSCALER_V1, full), full)
  const v1 = HORIZONTAL_POD_AUTOSCALER_V1.storage?.fromStorage(full)
  t.match(v1, {
    apiVersion: 'autoscaling/v1',
    spec: { targetCPUUtilizationPercentage: 50, maxReplicas: 3 },
    status: { desiredReplicas: 2 },
  })
  t.notMatch(v1?.spec, { metrics: [] })
})

t.test('What kubectl autoscale sends becomes a v2 with one metric', async (t) => {
  const sent = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: meta('web'),
    spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 50 },
  }
  const stored = HORIZONTAL_POD_AUTOSCALER_V1.storage?.toStorage(sent)
  t.match(stored, { apiVersion: 'autoscaling/v2', spec: { metrics: [cpu], maxReplicas: 5 } })
  const bare = { ...sent, spec: { scaleTargetRef, maxReplicas: 5 } }
  const object = HORIZONTAL_POD_AUTOSCALER_V1.storage?.toStorage(bare)
  if (object) HORIZONTAL_POD_AUTOSCALER.setDefaults?.(object)
  t.match(object?.spec, { minReplicas: 1, metrics: [{ resource: { target: { averageUtilization: 80 } } }] })
})

t.test('Notes that somebody garbled are ignored, not believed', async (t) => {
  const annotations = {
    'autoscaling.alpha.kubernetes.io/metrics': '{',
    'autoscaling.alpha.kubernetes.io/behavior': '[]',
    'autoscaling.alpha.kubernetes.io/status': '7',
  }
  const sent = { ...autoscaler({}), apiVersion: 'autoscaling/v1', metadata: meta('web', { annotations }), status: {} }
  t.same(HORIZONTAL_POD_AUTOSCALER_V1.storage?.toStorage(sent).spec, { scaleTargetRef, minReplicas: 1, maxReplicas: 3 })
})

t.test('Behaviour that is only half said is filled in', async (t) => {
  const object = autoscaler({ metrics: [cpu], behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } })
  HORIZONTAL_POD_AUTOSCALER.setDefaults?.(object)
  t.match(object.spec, {
    behavior: {
      scaleUp: {
        selectPolicy: 'Max',
        stabilizationWindowSeconds: 0,
        policies: [{ type: 'Percent' }, { type: 'Pods' }],
      },
      scaleDown: { selectPolicy: 'Max', stabilizationWindowSeconds: 60, policies: [{ type: 'Percent', value: 100 }] },
    },
  })
})

t.test('An Event in events.k8s.io is the same Event, and prints the same', async (t) => {
  const event: KubeObject & Record<string, unknown> = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: meta('web.1'),
    involvedObject: { kind: 'Pod', name: 'web', namespace: 'default' },
    message: 'Started container app',
    reason: 'Started',
    type: 'Normal',
    count: 3,
    firstTimestamp: '2026-11-20T12:00:00Z',
    lastTimestamp: '2026-11-20T12:05:00Z',
    source: { component: 'agent', host: 'n1' },
    reportingComponent: 'agent',
    reportingInstance: 'n1',
  }
  t.strictSame(viaOther(EVENT_V1, event), event)
  const newer = EVENT_V1.storage?.fromStorage(event)
  t.match(newer, {
    apiVersion: 'events.k8s.io/v1',
    note: 'Started container app',
    regarding: { name: 'web' },
    deprecatedCount: 3,
    reportingController: 'agent',
  })
  const nowMs = Date.parse('2026-11-20T12:10:00Z')
  const cells = (kind: Kind, object: KubeObject) => kind.columns.map((column) => column.value(object, nowMs))
  t.same(cells(EVENT, event), [
    '5m',
    'Normal',
    'Started',
    'pod/web',
    '',
    'agent, n1',
    'Started container app',
    '10m',
    3,
    'web.1',
  ])
  if (newer) t.same(cells(EVENT_V1, newer), cells(EVENT, event))
  t.equal(EVENT.selectableFields['involvedObject.name']?.(event), 'web')
  if (newer) t.equal(EVENT_V1.selectableFields['regarding.name']?.(newer), 'web')
})
