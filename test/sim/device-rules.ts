// device-rules.ts - what must hold on a device at every moment: it takes only newer states, and stops or starts nothing without a reason
import { containersOf, needsSandbox } from '../../agent/reconcile/pod-shape.ts'
import { createCrashRules } from './crash-rules.ts'
import { specHashOf } from '../../agent/reconcile/spec-hash.ts'
import type { ObservedContainer } from '../../agent/runtime/runtime.ts'
import { canonicalJson, sha256Hex } from '../../shared/hash.ts'
import { disconnectPolicyOf, isFenced } from '../../shared/disconnect-policy.ts'
import { predecessorsOf } from '../../shared/succession.ts'
import type { DesiredState } from '../../shared/protocol/messages.ts'
import type { DaemonEvents, EndCause } from './daemon.ts'
import type { Device } from './device.ts'
import type { Rules } from './rules.ts'
import type { Numbered, SignedStates } from './signed-states.ts'
import type { Timeline } from './timeline.ts'

export interface DeviceRules {
  readonly engine: DaemonEvents
  /** Another process of the agent looks after it from now on. */
  agentStarted(): void
  /** It has read what its disk holds. */
  agentRead(): void
  /** After every event. */
  check(): void
  /** What was remembered is gone with a part of the disk. */
  forgot(all: boolean): void
  /** The disk takes nothing for a while: the next process of the agent may know less than this one. */
  forgetful(): void
  readonly held: DesiredState | undefined
}

export interface DeviceRulesDeps {
  node: string
  device: () => Device
  timeline: Timeline
  rules: Rules
  signed: SignedStates
  /** Whether the program in it does not answer any more. */
  isSick(containerId: string): boolean
  /** The longest time of late in which the hub did not say that it hears this device. */
  silenceMs(duringMs: number): number
  /** The hub was set back, and has not heard of this pod since. */
  isLost(podUid: string): boolean
}

/** An answer may have been on its way for a good part of the lease. */
const LEASE_SLACK = 2
export function createDeviceRules({
  node,
  device,
  timeline,
  rules,
  signed,
  isSick,
  silenceMs,
  isLost,
}: DeviceRulesDeps): DeviceRules {
  const running = new Map<string, string>()
  const stopping = new Set<string>()
  const crashes = createCrashRules({ node, timeline, rules })
  let held: DesiredState | undefined
  let highest: Numbered = { epoch: 0, revision: 0 }
  let isForgetful = false

  const nameOf = ({ identity }: ObservedContainer) => `${identity.podUid}/${identity.container}`

  function check(): void {
    const { agent } = device()
    // The disk of a machine that is off says nothing: what counts is what an agent makes of it.
    if (!agent) return
    const desired = agent.cache.desired()
    if (desired === held) return
    held = desired
    if (!held) return
    const { epoch, revision } = held
    if (epoch < highest.epoch || (epoch === highest.epoch && revision < highest.revision))
      rules.broken(
        'revisions never go back on a device',
        `${node} holds ${epoch}/${revision} after ${highest.epoch}/${highest.revision}`,
      )
    highest = { epoch, revision }
    if (!signed.wasSigned(node, sha256Hex(canonicalJson(held))))
      rules.broken('a device takes only what the hub has signed', `${node} holds a forged ${epoch}/${revision}`)
  }

  function started(container: ObservedContainer): void {
    const { identity } = container
    if (identity.role === 'sandbox') return
    const key = nameOf(container)
    const other = running.get(key)
    if (other !== undefined && other !== container.id)
      rules.broken('one container of a name runs at a time', `${node}: ${key} runs as ${other} and ${container.id}`)
    running.set(key, container.id)
    startedInOrder(container)
    const histories = device().agent?.cache.histories(identity.podUid)
    crashes.started(
      container,
      histories?.find((one) => one.container === identity.container),
    )
  }

  function startedInOrder({ identity: { podUid, pod: name } }: ObservedContainer): void {
    check()
    const pod = held?.pods.find(({ metadata }) => metadata.uid === podUid)
    const beside = pod && [...running.keys()].find((key) => predecessorsOf(pod).includes(key.split('/')[0] ?? ''))
    if (beside) rules.broken('a pod never runs beside one that it follows', `${node}: ${name} starts, ${beside} runs`)
  }

  function ended(container: ObservedContainer, cause: EndCause): void {
    const key = nameOf(container)
    if (running.get(key) === container.id) running.delete(key)
    if (container.identity.role === 'sandbox') return
    // What the ground took away was nobody's crash.
    if (cause === 'power' || cause === 'daemon') return
    crashes.ended(container)
  }

  /** Something that runs is about to be stopped: only a verified state, or its own sickness, is a reason. */
  function ordered(what: string, container: ObservedContainer): void {
    check()
    const { identity, id } = container
    // What has been told to end may be made to.
    if (identity.role === 'sandbox' || stopping.has(id)) return
    stopping.add(id)
    const about = `${node}: ${what} to ${id} (${identity.pod}/${identity.container})`
    if (!held) return rules.broken('an empty store stops nothing', about)
    const pod = held.pods.find(({ metadata }) => metadata.uid === identity.podUid)
    if (!pod || pod.metadata.deletionTimestamp !== undefined) {
      if (isLost(identity.podUid)) rules.broken('what the hub has lost runs on until somebody decides', about)
      return
    }
    const spec = containersOf(pod).find((one) => one.name === identity.container)
    if (!spec || specHashOf(pod, spec) !== identity.specHash || isSick(id)) return
    // Its lease may have run out; it counts from the sending of what was answered, which may have come late and at once.
    const { lostAfterMs } = disconnectPolicyOf(pod)
    if (isFenced(pod) && silenceMs(2 * lostAfterMs) > lostAfterMs / LEASE_SLACK) return
    const sandbox = device()
      .daemon.containers()
      .find((one) => one.identity.podUid === identity.podUid && one.identity.role === 'sandbox')
    if (needsSandbox(pod) && sandbox?.state !== 'running') return
    rules.broken('a container stops only for a reason', `${about}, which is as it should be`)
  }

  const touched = (what: string, id: string) =>
    rules.broken('only containers of ours are touched', `${node}: ${what} to the container ${id}`)

  return {
    engine: { started, ended, ordered, touched },
    agentStarted() {
      if (isForgetful) crashes.forgot()
    },
    agentRead() {
      const { agent, disk } = device()
      // Nothing can be made anew on a disk that takes nothing.
      if (highest.revision === 0 || !agent || disk.isFull) return
      if (!agent.cache.desired())
        rules.broken('what is to run outlives one damage', `${node} held ${highest.epoch}/${highest.revision}`)
    },
    check,
    forgot(all) {
      crashes.forgot()
      if (all) highest = { epoch: 0, revision: 0 }
    },
    forgetful: () => void (isForgetful = true),
    get held() {
      return held
    },
  }
}
