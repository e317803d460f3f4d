// pod-defaults.test.ts - what a client left out is what upstream would have filled in
import t from 'tap'
import type { Container, PodSpec } from '../../../shared/kinds/object.ts'
import { POD } from '../../../shared/kinds/pod.ts'
import { setPodSpecDefaults } from '../../../shared/kinds/pod-defaults.ts'
import { qosClass } from '../../../shared/kinds/pod-resources.ts'
import { container, pod } from '../../support/builders.ts'

function defaulted(spec: Partial<PodSpec>): PodSpec {
  const full: PodSpec = { containers: [container()], ...spec }
  setPodSpecDefaults(full)
  return full
}
const first = (rest: Partial<Container>, spec: Partial<PodSpec> = {}) =>
  defaulted({ containers: [container(rest)], ...spec }).containers[0]

t.test('An image without a tag, or with the newest, is always pulled', async (t) => {
  const policies = {
    web: 'Always',
    'web:latest': 'Always',
    'host:5000/web': 'Always',
    'web:1': 'IfNotPresent',
    'host:5000/web:1': 'IfNotPresent',
    'web@sha256:0123': 'IfNotPresent',
    'web:latest@sha256:0123': 'IfNotPresent',
  }
  for (const [image, policy] of Object.entries(policies)) t.equal(first({ image })?.imagePullPolicy, policy, image)
})

t.test('A pod and its containers', async (t) => {
  const made = pod('web')
  POD.setDefaults?.(made)
  t.match(made.spec, {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    enableServiceLinks: true,
    serviceAccountName: 'default',
    serviceAccount: 'default',
    containers: [
      {
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        resources: {},
        imagePullPolicy: 'Always',
      },
    ],
  })
  t.same(made.status, { phase: 'Pending', qosClass: 'BestEffort' })
})

t.test('Probes, hooks, ports and references', async (t) => {
  const given = first(
    {
      ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 0 }],
      livenessProbe: { httpGet: { port: 80 } },
      readinessProbe: { grpc: { port: 1 }, periodSeconds: 3 },
      lifecycle: { preStop: { httpGet: { port: 80 } } },
      env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    },
    { hostNetwork: true },
  )
  t.match(given, {
    ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }, { hostPort: 81 }],
    livenessProbe: {
      httpGet: { path: '/', port: 80, scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
    readinessProbe: { grpc: { port: 1, service: '' }, periodSeconds: 3 },
    lifecycle: { preStop: { httpGet: { path: '/', scheme: 'HTTP' } } },
    env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }],
  })
})

t.test('Requests follow limits', async (t) => {
  const given = first({ resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } })
  t.same(given?.resources?.requests, { cpu: '500m', memory: '1Gi' })
})

t.test('Volumes', async (t) => {
  const fieldRef = { fieldPath: 'metadata.name' }
  const { volumes } = defaulted({
    volumes: [
      { name: 'a' },
      { name: 'b', hostPath: { path: '/b' } },
      { name: 'c', configMap: { name: 'c' } },
      { name: 'd', downwardAPI: { items: [{ path: 'n', fieldRef }] } },
      {
        name: 'e',
        projected: {
          sources: [
            { serviceAccountToken: { path: 't' } },
            { downwardAPI: { items: [{ path: 'n', fieldRef: { ...fieldRef } }] } },
          ],
        },
      },
    ],
  })
  t.match(volumes, [
    { emptyDir: {} },
    { hostPath: { type: '' } },
    { configMap: { defaultMode: 420 } },
    { downwardAPI: { defaultMode: 420, items: [{ fieldRef: { apiVersion: 'v1' } }] } },
    {
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3600 } },
          { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1' } }] } },
        ],
      },
    },
  ])
})

t.test('The quality of service follows from requests and limits', async (t) => {
  const of = (...resources: Container['resources'][]) =>
    qosClass({ containers: resources.map((given) => container(given ? { resources: given } : {})) })
  const all = { cpu: '1', memory: '1Gi' }
  t.equal(of(undefined), 'BestEffort')
  t.equal(of({ limits: { cpu: '0' } }), 'BestEffort')
  t.equal(of({ limits: all, requests: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed')
  t.equal(of({ limits: all }, undefined), 'Burstable')
  t.equal(of({ requests: all }), 'Burstable')
})
