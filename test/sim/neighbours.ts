// neighbours.ts - containers of somebody else on the same engine: only what the driver reads in labels tells them from ours
import { containerLabels, identityFromLabels, NODE_LABEL } from '../../agent/runtime/docker-identity.ts'
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'

export interface Neighbours {
  has(id: string): boolean
  /** Of all that the engine has, what the driver takes for ours. */
  oursOf(own: readonly ObservedContainer[]): ObservedContainer[]
  find(id: string, own: ObservedContainer | undefined): ObservedContainer | undefined
}

type Labels = Readonly<Record<string, string>>

/** Each differs from ours in one thing more than the one before it. */
const labelsOfStrangers = (node: string): Readonly<Record<string, Labels>> => ({
  // Two agents may share an engine.
  'of another node': containerLabels(`${node}-beside`, {
    podUid: 'of-another-node',
    namespace: 'default',
    pod: 'work-1-beside',
    container: 'main',
    role: 'app',
    attempt: 0,
    specHash: 'of-another-node',
  }),
  // Somebody has copied a label.
  'with a label of ours': { [NODE_LABEL]: node, 'com.example.app': 'shop' },
  'without labels': {},
})

export function createNeighbours({ node, wallMs }: { node: string; wallMs: () => number }): Neighbours {
  const strangers = new Map(Object.entries(labelsOfStrangers(node)))
  const startedAtMs = wallMs()

  /** As the driver reads an answer of the engine; undefined: not ours. */
  function read(labels: Labels, container: Omit<ObservedContainer, 'identity'>): ObservedContainer | undefined {
    const identity = identityFromLabels(node, labels)
    return identity && { ...container, identity }
  }
  const readOwn = (own: ObservedContainer) => read(containerLabels(node, own.identity), own)
  const readStranger = (id: string, labels: Labels) =>
    read(labels, { id, state: 'running', createdAtMs: startedAtMs, startedAtMs, image: 'shop:1', imageId: 'shop' })

  return {
    has: (id) => strangers.has(id),
    oursOf: (own) =>
      [...own.map(readOwn), ...[...strangers].map(([id, labels]) => readStranger(id, labels))].filter(
        (one) => one !== undefined,
      ),
    find(id, own) {
      const labels = strangers.get(id)
      return labels ? readStranger(id, labels) : own && readOwn(own)
    },
  }
}
