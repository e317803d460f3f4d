// user.ts - people at the hub's API: they apply, scale, update, delete and drain, and remember what they were promised
import type { HubCore } from '../../hub/core.ts'
import { isSingleton } from '../../shared/disconnect-policy.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { NODE } from '../../shared/kinds/node.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { REPLICA_SET } from '../../shared/kinds/replica-set.ts'
import { isUnknownToHub, UNKNOWN_ANNOTATION } from '../../shared/recovery.ts'
import type { Pod } from '../../shared/kinds/object.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import { matchesSelector } from '../../shared/selectors.ts'
import type { Chance } from './chance.ts'
import type { Options, Workload } from './options.ts'
import { createPromises, NAMESPACE, WHO } from './promises.ts'
import type { Rules } from './rules.ts'
import type { Trace } from './trace.ts'
import { daemonSetOf, deploymentOf, imageOf, podOf } from './workloads.ts'

export interface User {
  /** Applies everything for the first time. */
  applyAll(core: HubCore): void
  /** Does one thing, whatever comes to mind. */
  act(core: HubCore): void
  /** A hub serves, maybe another process of it: what was promised must be there. */
  check(core: HubCore): void
  /** What was promised since the backup is void. */
  restored(): void
  /** Gives every node back to the scheduler. */
  heal(core: HubCore): void
  /** What the hub has lost and its devices still run: taken over, or stopped. */
  recover(core: HubCore): void
}

export interface UserDeps {
  options: Options
  chance: Chance
  rules: Rules
  trace: Trace
  onForced(podUid: string, podName: string): void
}

const NOTES = ['note-1', 'note-2']

export function createUser({ options, chance, rules, trace, onForced }: UserDeps): User {
  const { write, check, restored, valueOf } = createPromises({ rules, trace })
  let lastVersion = 1
  let count = 0

  const apply = (core: HubCore, { kind, name, replicas, behaviour, policy }: Workload) => {
    const image = imageOf(lastVersion)
    switch (kind) {
      case 'deployment':
        if (core.objects.get(DEPLOYMENT, NAMESPACE, name)) return
        return write(core, `deployment ${name}`, `${replicas} ${image}`, () =>
          core.objects.create(DEPLOYMENT, deploymentOf({ name, replicas, behaviour, image, policy })),
        )
      case 'daemonset':
        if (core.objects.get(DAEMON_SET, NAMESPACE, name)) return
        return write(core, `daemonset ${name}`, image, () =>
          core.objects.create(DAEMON_SET, daemonSetOf({ name, behaviour, image, policy })),
        )
      case 'pod':
        trace.note(WHO, `makes pod ${name}`)
        core.objects.create(POD, podOf({ name: `${name}-${++count}`, behaviour, image, policy }))
    }
  }

  function change(core: HubCore, { kind, name, behaviour, policy }: Workload): void {
    const image = chance.is(0.5) ? imageOf(++lastVersion) : imageOf(lastVersion)
    const replicas = chance.between(0, policy.isSingleton ? 1 : options.nodes + 2)
    if (kind === 'deployment') {
      if (valueOf(core, `deployment ${name}`) === undefined) return
      write(core, `deployment ${name}`, `${replicas} ${image}`, () =>
        core.objects.modify(DEPLOYMENT, NAMESPACE, name, (current) => {
          const wanted = deploymentOf({ name, replicas, behaviour, image, policy })
          return { ...current, spec: { ...current.spec, replicas, template: wanted.spec.template } }
        }),
      )
    } else if (kind === 'daemonset') {
      if (valueOf(core, `daemonset ${name}`) === undefined) return
      write(core, `daemonset ${name}`, image, () =>
        core.objects.modify(DAEMON_SET, NAMESPACE, name, (current) => {
          const wanted = daemonSetOf({ name, behaviour, image, policy })
          return { ...current, spec: { ...current.spec, template: wanted.spec.template } }
        }),
      )
    } else changePod(core, name)
  }

  /** Another image in place: its container is made anew. */
  function changePod(core: HubCore, name: string): void {
    const mine = core.objects.list(POD, NAMESPACE).filter(({ metadata }) => metadata.name.startsWith(`${name}-`))
    const image = imageOf(++lastVersion)
    for (const { metadata } of mine.filter((pod) => !pod.metadata.deletionTimestamp)) {
      trace.note(WHO, `changes pod ${metadata.name}`, image)
      core.objects.modify(POD, NAMESPACE, metadata.name, (pod) => ({
        ...pod,
        spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, image })) },
      }))
    }
  }

  function remove(core: HubCore, { kind, name, policy }: Workload): void {
    // Another Deployment of the same name is another workload: nobody promises that the first has ended by then.
    if (policy.isSingleton) return
    if (kind === 'pod') {
      const pods = core.objects.list(POD, NAMESPACE).filter(({ metadata }) => metadata.name.startsWith(`${name}-`))
      for (const { metadata } of pods) core.objects.delete(POD, NAMESPACE, metadata.name)
      return
    }
    if (valueOf(core, `${kind} ${name}`) === undefined) return
    const row = kind === 'deployment' ? DEPLOYMENT : DAEMON_SET
    write(core, `${kind} ${name}`, undefined, () =>
      core.objects.delete(row, NAMESPACE, name, { propagationPolicy: chance.pick(['Background', 'Foreground']) }),
    )
  }

  function deletePod(core: HubCore): void {
    const pods = core.objects.list(POD, NAMESPACE)
    if (pods.length === 0) return
    const { uid, name } = chance.pick(pods).metadata
    const isForced = chance.is(0.1)
    if (isForced) onForced(uid, name)
    trace.note(WHO, `deletes pod ${name}`, { isForced })
    core.objects.delete(POD, NAMESPACE, name, isForced ? { gracePeriodSeconds: 0 } : {})
  }

  function note(core: HubCore): void {
    const name = chance.pick(NOTES)
    const value = String(++count)
    write(core, `note ${name}`, value, () => {
      const data = { value }
      if (core.objects.modify(CONFIG_MAP, NAMESPACE, name, (current) => ({ ...current, data }))) return
      core.objects.create(CONFIG_MAP, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: NAMESPACE },
        data,
      })
    })
  }

  const setUnschedulable = (core: HubCore, name: string, unschedulable: boolean) =>
    core.objects.modify(NODE, undefined, name, ({ spec, ...node }) => {
      const { unschedulable: _, ...rest } = spec
      return { ...node, spec: unschedulable ? { ...rest, unschedulable } : rest }
    })

  function drain(core: HubCore): void {
    const [node] = [chance.pick(core.objects.list(NODE))]
    const isBack = node.spec.unschedulable === true
    trace.note(WHO, isBack ? `uncordons ${node.metadata.name}` : `drains ${node.metadata.name}`)
    setUnschedulable(core, node.metadata.name, !isBack)
    if (isBack) return
    for (const { metadata } of core.objects.by(POD, 'nodeName', node.metadata.name)) {
      const isOfDaemonSet = metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet')
      if (!isOfDaemonSet && !metadata.deletionTimestamp) core.objects.delete(POD, metadata.namespace, metadata.name)
    }
  }

  return {
    applyAll: (core) => options.workloads.forEach((workload) => apply(core, workload)),
    act(core) {
      const workload = chance.pick(options.workloads)
      const [action] = [chance.float()]
      try {
        if (action < 0.3) change(core, workload)
        else if (action < 0.4) remove(core, workload)
        else if (action < 0.6) apply(core, workload)
        else if (action < 0.7) deletePod(core)
        else if (action < 0.78) drain(core)
        else if (action < 0.82) this.recover(core)
        else note(core)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        trace.note(WHO, 'is refused', error.message)
      }
    },
    check,
    restored,
    heal(core) {
      for (const { metadata } of core.objects.list(NODE)) setUnschedulable(core, metadata.name, false)
    },
    recover(core) {
      for (const pod of core.objects.list(POD).filter(isUnknownToHub)) {
        const { namespace, name, uid } = pod.metadata
        const isAdopted = chance.is(0.5) && isTaken(core, pod)
        trace.note(WHO, isAdopted ? `adopts ${name}` : `stops the unknown ${name}`)
        if (!isAdopted) core.objects.delete(POD, namespace, name, { preconditions: { uid } })
        else core.objects.modify(POD, namespace, name, known)
      }
    },
  }
}

/** What may run only once and has no owner that takes it would be another one of it, beside the owner's: nobody asks for that. */
const isTaken = ({ objects }: HubCore, pod: Pod): boolean =>
  !isSingleton(pod) ||
  objects.list(REPLICA_SET, NAMESPACE).some(({ spec }) => matchesSelector(spec.selector, pod.metadata.labels))

function known(pod: Pod): Pod {
  const { [UNKNOWN_ANNOTATION]: _, ...annotations } = pod.metadata.annotations ?? {}
  return { ...pod, metadata: { ...pod.metadata, annotations } }
}
