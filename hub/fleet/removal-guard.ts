// removal-guard.ts - before a device is told to stop something, looks whether that was asked for; puts back what only vanished
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { desiredState, type DesiredState } from '../../shared/protocol/messages.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import type { EventRecorder } from '../store/events.ts'
import { forDevice } from './node-document.ts'
import { warnOfNode } from './node-warning.ts'
import { judgeRemoval } from './removal.ts'
import { putBack, type TakeBackDeps } from './take-back.ts'

export interface RemovalGuardDeps extends TakeBackDeps {
  events: Pick<EventRecorder, 'record'>
}

export interface RemovalGuard {
  /** From now on these are the pods that the device was told to run; `body` is all of what it was told. */
  told(node: string, uids: readonly string[], body: Buffer): void
  /** The object of this pod was removed; its deletion had been asked for, or not. */
  sawRemoved(pod: Pod): void
  /** Whether there is anything to look after. */
  knows(node: string): boolean
  check(node: string): Promise<void>
  /** It is told nothing any more. */
  forget(node: string): void
}

interface Told {
  readonly uids: Set<string>
  /** Only of these: a pod that went before its device heard of it would be remembered for ever. */
  readonly gone: Set<string>
  /** Absent: it was told in an earlier life of the hub, and is away since. */
  readonly body?: Buffer
  /** Without a body: the last that the store had of those that have vanished. */
  readonly lost: Pod[]
}

export function createRemovalGuard(deps: RemovalGuardDeps): RemovalGuard {
  const { store, objects } = deps
  const tellings = new Map<string, Told>()

  const judge = (node: string, { uids, gone }: Told) =>
    judgeRemoval({
      before: [...uids],
      now: new Set(objects.by(POD, 'nodeName', node).map(({ metadata }) => metadata.uid)),
      sawGo: (uid) => gone.has(uid),
    })

  /** A device that was told nothing in this life of the hub runs what the store has, which nobody has touched since. */
  function begin({ metadata: { uid }, spec: { nodeName = '' } }: Pod): Told {
    const present = objects.by(POD, 'nodeName', nodeName).filter(({ metadata }) => !metadata.deletionTimestamp)
    const told = {
      uids: new Set([...present.map(({ metadata }) => metadata.uid), uid]),
      gone: new Set<string>(),
      lost: [],
    }
    tellings.set(nodeName, told)
    return told
  }

  function hold(node: string, told: Told, vanished: readonly string[]): void {
    const state = contentOf(node, told)
    const count = told.uids.size
    const pods = state.pods.filter(({ metadata }) => vanished.includes(metadata.uid))
    store.transact((tx) => putBack(deps, tx, state, pods))
    const message = `${vanished.length} of ${count} pods would be stopped here because their objects have vanished: they are kept until you decide. See: holdfast recover`
    deps.log.error({ node, vanished: vanished.length, of: count }, 'objects of pods have vanished and were put back')
    warnOfNode(deps, node, 'RemovalHeld', message)
  }

  return {
    told: (node, uids, body) => void tellings.set(node, { uids: new Set(uids), gone: new Set(), body, lost: [] }),
    sawRemoved(pod) {
      const { uid, deletionTimestamp } = pod.metadata
      const { nodeName } = pod.spec
      if (nodeName === undefined) return
      const told = tellings.get(nodeName)
      // Every deletion that was asked for leaves this mark, also on an object that goes at once.
      if (deletionTimestamp !== undefined) {
        if (told?.uids.has(uid)) told.gone.add(uid)
        return
      }
      if (told?.body) return
      const mine = told ?? begin(pod)
      mine.uids.add(uid)
      mine.lost.push(forDevice(pod))
    },
    knows: (node) => tellings.has(node),
    async check(node) {
      const told = tellings.get(node)
      if (!told || judge(node, told).vanished.length === 0) return
      // Watchers hear of a deletion once it is durable; what has not been told yet has not vanished.
      await store.durable()
      // A node that was removed meanwhile takes its pods with it.
      if (tellings.get(node) !== told) return
      const { vanished, isHeld } = judge(node, told)
      if (isHeld) hold(node, told, vanished)
    },
    forget: (node) => void tellings.delete(node),
  }
}

function contentOf(node: string, { body, lost }: Told): Pick<DesiredState, 'node' | 'pods' | 'configMaps' | 'secrets'> {
  if (!body) return { node, pods: lost, configMaps: {}, secrets: {} }
  const told = parseBody(desiredState, body)
  if (!told.ok) throw new Error(`the state of ${node} that was sent cannot be read: ${told.why}`)
  return told.value
}
