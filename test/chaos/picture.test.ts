// picture.test.ts - chaos finds what it looks for: other containers, pods that went without a reason, work that nobody wants, two at once
import t from 'tap'
import { NODE } from '../../shared/kinds/node.ts'
import type { KubeObject, Node, Pod } from '../../shared/kinds/object.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { node, pod } from '../support/builders.ts'
import { overlap } from '../support/spans.ts'
import { different, moved, remade, unrest, type Picture } from './picture.ts'

const READY_SINCE = '2026-01-01T00:00:00Z'

const readyNode = (since = READY_SINCE): Node => {
  const made = node('n1')
  const ready = { type: 'Ready', status: 'True' as const, lastTransitionTime: since }
  return { ...made, status: { ...made.status, conditions: [ready] } }
}

const readyPod = (name: string): Pod => {
  const made = pod(name, { nodeName: 'n1' })
  const metadata = { ...made.metadata, uid: name, labels: { app: 'web' } }
  return { ...made, metadata, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }
}

/** Containers by the pod that they say they belong to. */
function picture(pods: readonly Pod[], containers: Readonly<Record<string, string>>, nodes = [readyNode()]): Picture {
  const lists = new Map<string, readonly KubeObject[]>([
    [POD.kind, pods],
    [NODE.kind, nodes],
  ])
  const running = Object.entries(containers).map(([id, uid]) => ({
    id,
    isProcess: true,
    identity: { pod: uid, podUid: uid },
    kill() {},
  }))
  return {
    // The lists are of the kinds under which they are.
    wanted: { list: <T extends KubeObject>(kind: Kind<T>) => (lists.get(kind.kind) ?? []) as T[] },
    devices: [{ name: 'n1', running: () => running }],
  }
}

const NOBODY = new Set<string>()

t.test('A fleet at rest is at rest', async (t) => {
  const calm = picture([readyPod('web-1')], { c1: 'web-1' })
  t.equal(unrest(calm), undefined)
  t.equal(remade(calm, calm, NOBODY), undefined)
  t.equal(moved(calm, calm, NOBODY), undefined)
  t.equal(different(calm, calm), undefined)
})

t.test('What runs and nobody wants, runs twice or not at all is seen', async (t) => {
  const pods = [readyPod('web-1')]
  t.match(unrest(picture(pods, { c1: 'web-1', c2: 'web-0' })), /web-0 runs on n1 and nobody wants it/)
  t.match(unrest(picture(pods, { c1: 'web-1', c2: 'web-1' })), /2 containers/)
  t.match(unrest(picture(pods, {})), /0 containers/)
})

t.test('A container that was made anew is seen, unless somebody has ended it', async (t) => {
  const pods = [readyPod('web-1')]
  const [before, after] = [picture(pods, { c1: 'web-1' }), picture(pods, { c2: 'web-1' })]
  t.match(remade(before, after, NOBODY), /c1 before, c2 now/)
  t.match(different(before, after), /from c1 to c2/)
  t.equal(remade(before, after, new Set(['web-1'])), undefined)
})

t.test('A pod that went is seen, unless somebody touched it or its device was away', async (t) => {
  const before = picture([readyPod('web-1')], { c1: 'web-1' })
  const after = picture([readyPod('web-2')], { c2: 'web-2' })
  t.match(moved(before, after, NOBODY), /pod web-1 on n1 is gone/)
  t.equal(moved(before, after, new Set(['web'])), undefined)
  const away = picture([readyPod('web-2')], { c2: 'web-2' }, [readyNode('2026-01-01T00:00:09Z')])
  t.equal(moved(before, away, NOBODY), undefined)
})

t.test('Two that ran at once are seen', async (t) => {
  const first = { instance: 'a', fromS: 1, toS: 5 }
  t.equal(overlap([first, { instance: 'b', fromS: 5.1, toS: 9 }]), undefined)
  t.match(overlap([first, { instance: 'b', fromS: 4.9, toS: 9 }]), /ran at once/)
})
