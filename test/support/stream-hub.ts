// stream-hub.ts - a hub's API with one node behind it: real TLS on both sides, the fake runtime on the device
import type { Test } from 'tap'
import { createSubresources } from '../../hub/api/subresources/create-subresources.ts'
import type { NodeUsage } from '../../hub/api/subresources/metrics.ts'
import type { Objects } from '../../hub/store/objects.ts'
import { systemClock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { startCallRig, type CallRig } from './call-rig.ts'
import { containerSpec } from './container-spec.ts'
import { createFakeRuntime, type FakeRuntime } from './fake-runtime.ts'
import { startTestHub, type TestHub } from './test-hub.ts'

export interface StreamHub {
  hub: TestHub
  rig: CallRig
  runtime: FakeRuntime
  /** A pod that runs on node-1 with one container "main"; gives back that container's id on the device. */
  runPod(name: string, spec?: Partial<Pod['spec']>): Promise<{ pod: Pod; containerId: string }>
}

const noNodeUsage: NodeUsage = { latest: () => undefined }

export async function startStreamHub(
  t: Test,
  {
    nodeUsage = noNodeUsage,
    wrap = (runtime) => runtime,
  }: { nodeUsage?: NodeUsage; wrap?(runtime: FakeRuntime): FakeRuntime } = {},
): Promise<StreamHub> {
  const rig = await startCallRig(t)
  const runtime = createFakeRuntime({ clock: systemClock, images: ['app:1'] })
  await rig.addAgent('node-1', [wrap(runtime)])
  const hub = await startTestHub({
    extensions: ({ registry, ...parts }) => [
      createSubresources({ ...parts, kinds: () => registry.all(), calls: rig.calls, nodeUsage, clock: systemClock }),
    ],
  })
  t.teardown(() => hub.stop())
  hub.objects.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' }, spec: {} })
  return {
    hub,
    rig,
    runtime,
    async runPod(name, spec = {}) {
      const pod = startedPod(hub.objects, name, spec)
      const identity = { podUid: pod.metadata.uid, pod: name }
      const containerId = await runtime.createContainer(containerSpec({ image: 'app:1', identity }))
      await runtime.startContainer(containerId)
      return { pod, containerId }
    },
  }
}

export function startedPod(objects: Objects, name: string, spec: Partial<Pod['spec']>): Pod {
  const metadata = { name, namespace: 'default', labels: { app: name } }
  const containers = [{ name: 'main', image: 'app:1' }]
  objects.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, nodeName: 'node-1', ...spec } })
  const conditions = [{ type: 'Ready', status: 'True' }]
  const started = objects.modify(
    POD,
    'default',
    name,
    (pod) => ({ ...pod, status: { phase: 'Running', conditions } }),
    {
      subresource: 'status',
    },
  )
  if (!started) throw new Error(`the pod ${name} is gone`)
  return started
}
