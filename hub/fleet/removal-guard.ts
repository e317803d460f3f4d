// removal-guard.ts - before a device is told to stop something, looks whether that was asked for; puts back what only vanished
import { NODE } from '../../shared/kinds/node.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { desiredState } from '../../shared/protocol/messages.ts'
import { parseBody } from '../../shared/protocol/parse-body.ts'
import { referenceTo, type EventRecorder } from '../store/events.ts'
import { HUB_COMPONENT } from './components.ts'
import { judgeRemoval } from './removal.ts'
import { putBack, type TakeBackDeps } from './take-back.ts'

export interface RemovalGuardDeps extends TakeBackDeps {
  events: Pick<EventRecorder, 'record'>
}

export interface RemovalGuard {
  /** From now on these are the pods that the device was told to run. */
  told(node: string, uids: readonly string[]): void
  /** The object of this pod was removed, and its deletion had been asked for. */
  sawGo(pod: Pod): void
  /** `body` is what the device was told last. */
  check(node: string, body: Buffer): Promise<void>
  /** It is told nothing any more. */
  forget(node: string): void
}

interface Told {
  readonly uids: readonly string[]
  /** Only of these: a pod that went before its device heard of it would be remembered for ever. */
  readonly gone: Set<string>
}

export function createRemovalGuard(deps: RemovalGuardDeps): RemovalGuard {
  const { store, objects } = deps
  const tellings = new Map<string, Told>()

  const judge = (node: string, { uids, gone }: Told) =>
    judgeRemoval({
      before: uids,
      now: new Set(objects.by(POD, 'nodeName', node).map(({ metadata }) => metadata.uid)),
      sawGo: (uid) => gone.has(uid),
    })

  function hold(node: string, body: Buffer, vanished: readonly string[], count: number): void {
    const told = parseBody(desiredState, body)
    if (!told.ok) throw new Error(`the state of ${node} that was sent cannot be read: ${told.why}`)
    const pods = told.value.pods.filter(({ metadata }) => vanished.includes(metadata.uid))
    store.transact((tx) => putBack(deps, tx, told.value, pods))
    const message = `${vanished.length} of ${count} pods would be stopped here because their objects have vanished: they are kept until you decide. See: holdfast recover`
    deps.log.error({ node, vanished: vanished.length, of: count }, 'objects of pods have vanished and were put back')
    const about = objects.get(NODE, undefined, node)
    if (!about) return
    const head = { about: referenceTo(about), severity: 'Warning', component: HUB_COMPONENT } as const
    deps.events.record({ ...head, reason: 'RemovalHeld', message })
  }

  return {
    told: (node, uids) => void tellings.set(node, { uids, gone: new Set() }),
    sawGo({ metadata: { uid }, spec: { nodeName = '' } }) {
      const told = tellings.get(nodeName)
      if (told?.uids.includes(uid)) told.gone.add(uid)
    },
    async check(node, body) {
      const told = tellings.get(node)
      if (!told || judge(node, told).vanished.length === 0) return
      // Watchers hear of a deletion once it is durable; what has not been told yet has not vanished.
      await store.durable()
      // A node that was removed meanwhile takes its pods with it.
      if (tellings.get(node) !== told) return
      const { vanished, isHeld } = judge(node, told)
      if (isHeld) hold(node, body, vanished, told.uids.length)
    },
    forget: (node) => void tellings.delete(node),
  }
}
