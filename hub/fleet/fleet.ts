// fleet.ts - the hub's side of all agents: lets them in, tells them what to run, believes what they may say, judges how they are
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Node } from '../../shared/kinds/object.ts'
import { POD } from '../../shared/kinds/pod.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import type { Log } from '../../shared/log.ts'
import type { CallMessage } from '../../shared/protocol/calls.ts'
import type { Random } from '../../shared/random.ts'
import type { Service } from '../../shared/service.ts'
import type { Admission, Broker, Connection, Peer } from '../broker/broker.ts'
import { peerOf } from '../broker/peer.ts'
import type { EventRecorder } from '../store/events.ts'
import type { Objects } from '../store/objects.ts'
import { createReconcileLoop, type ReconcileLoop } from '../store/reconcile-loop.ts'
import { noteLockedOut, noteStranger } from '../store/recovery-record.ts'
import type { MemoryStore } from '../store/memory-store.ts'
import { sameJson } from '../store/same-json.ts'
import type { Unwatch } from '../store/store.ts'
import { createBeatEvery } from './beat-every.ts'
import { createEnrolRoutes, type FleetRoute } from './enrol-routes.ts'
import { createEnrolment } from './enrol.ts'
import { createIdentities, identityOf, NEVER_ENROLLED } from './identities.ts'
import { createInbox } from './inbox.ts'
import { createIntake } from './intake.ts'
import { createJournalIngest } from './ingest-journal.ts'
import { createReportIngest } from './ingest-report.ts'
import { createJudge, type NodeView } from './judge.ts'
import { createLeases, type Leases } from './leases.ts'
import { warnOfNode } from './node-warning.ts'
import { createOutbox } from './outbox.ts'
import { pressuresOf, STATE_ANNOTATION } from './node-status.ts'
import type { Pki } from './pki.ts'
import { watchRelevance } from './relevance.ts'
import type { Revocations } from './revocations.ts'
import { createSessions } from './sessions.ts'
import { createStates } from './states.ts'
import { createTokenBuckets } from './token-bucket.ts'
import type { NodeUsage } from './usage.ts'

export interface FleetSettings {
  beatEveryMs: number
  /** On nodes whose label says that their link is metered. */
  meteredBeatEveryMs?: number
  /** Port of MQTT over TLS as devices see it. */
  mqttPort(): number
  /** Of the store; goes up when history may have been lost. Asked once everything has started. */
  epoch(): number
}

export interface FleetDeps {
  store: MemoryStore
  objects: Objects
  events: Pick<EventRecorder, 'record'>
  /** Started and stopped by the fleet. */
  broker: Broker
  pki: Pki
  /** Started before the fleet. */
  revocations: Revocations
  clock: Clock
  random: Random
  log: Log
  /** How long this machine has been asleep in all; absent where it never sleeps. */
  sleptMs?(): number
  settings: FleetSettings
}

export interface FleetCounters {
  sessions: number
  messages: { taken: number; stale: number; garbage: number }
  reports: { foreign: number; refused: number }
}

export interface Fleet extends Service {
  readonly routes: readonly FleetRoute[]
  readonly usage: NodeUsage
  readonly leases: Pick<Leases, 'passesInMs'>
  nodeStates(): ReadonlyMap<string, NodeView>
  /** The number of the node's session; undefined while it is not connected. */
  session(node: string): number | undefined
  /** Signed and published; false when the node is not connected. */
  sendCall(node: string, message: CallMessage): boolean
  lastHeardWallMs(node: string): number | undefined
  /** The node behind a request, when its certificate is one that still counts. */
  identify(request: IncomingMessage): string | undefined
  /** Called with the name of a node whose identity has ended. */
  onRevoked(listener: (node: string) => void): void
  readonly counters: FleetCounters
}

/** A link that comes and goes every two seconds is a bad link; more than that is no agent. */
const CONNECTS = { burst: 30, perSecond: 0.5 }
/** What a metered device may take is a megabyte a day, and a beat with its headers is some 200 bytes. */
const METERED_BEAT_EVERY_MS = 30_000
/** As many as the broker holds connections. */
const NODES_MAX = 20_000

export function createFleet(deps: FleetDeps): Fleet {
  const { store, objects, events, broker, pki, revocations, clock, log, settings } = deps
  const beatEveryMs = createBeatEvery({ store, meteredBeatEveryMs: METERED_BEAT_EVERY_MS, ...settings })
  const identities = createIdentities(objects, revocations)
  const sessions = createSessions({ beatEveryMs })
  const outbox = createOutbox({ broker, signer: pki.signer })
  const reports = createReportIngest({ objects, clock, log })
  const journal = createJournalIngest({ store, objects, events })
  const states = createStates({ ...deps, sessions, outbox, beatEveryMs, epoch: settings.epoch })
  const { desired, accounts } = states
  const judge = createJudge({ ...deps, beatEveryMs, hangUp })
  const leases = createLeases({ objects, clock })
  const enrolment = createEnrolment({ store, objects, identities, pki, clock, log, mqttPort: settings.mqttPort })
  const connects = createTokenBuckets(CONNECTS, NODES_MAX)
  const revokedListeners: ((node: string) => void)[] = []
  let unwatch: Unwatch[] = []

  const loop = (
    name: string,
    reconcile: (node: string) => ReturnType<typeof desired.reconcile> | ReturnType<typeof judge.reconcile>,
  ) => createReconcileLoop({ name, clock, log, random: deps.random, reconcile })
  // A thousand hellos at once wait here, and so many a turn are taken: requests to the API come in between.
  const ingestLoop = loop('fleet-ingest', (node) => intake.ingest(node))
  const desiredLoop = loop('fleet-desired', desired.reconcile)
  const judgeLoop = loop('fleet-judge', judge.reconcile)
  const loops: readonly ReconcileLoop[] = [ingestLoop, desiredLoop, judgeLoop]

  const wake = { ingest: ingestLoop.add, desired: desiredLoop.add, judge: judgeLoop.add }
  const intake = createIntake({
    ...deps,
    reports,
    journal,
    desired,
    judge,
    leases,
    accounts,
    keySet: pki.trust?.keySet,
    outbox,
    wake,
    breach,
    beatEveryMs,
  })
  const inbox = createInbox({ sessions, clock, ...intake.handlers })

  function admit(connection: Connection): Admission {
    const wrong = identities.refuse(connection)
    if (wrong === NEVER_ENROLLED) noteStranger(store, connection.node)
    if (wrong) return { ok: false, why: 'identity', message: wrong }
    if (!connects.take(connection.node, clock.monoMs())) {
      return { ok: false, why: 'busy', message: 'it connects more often than any agent does' }
    }
    const admission = sessions.admit(connection, clock.monoMs())
    if (admission.ok || admission.why !== 'duplicate') return admission
    const present = sessions.current(connection.node)
    if (present) outbox.ack(present, { upTo: 0, notice: 'duplicate identity' })
    const from = `${present?.connection.address} stays, ${connection.address} was sent away`
    warnOfNode(deps, connection.node, 'DuplicateIdentity', `two devices use this identity: ${from}`)
    return admission
  }

  function breach(peer: Peer, message: string): void {
    log.warn({ node: peer.node, why: message }, 'a device broke the rules of the protocol')
    // Somebody with a revoked key does not get to write about the node that took its name.
    if (identities.refuse(peer) === undefined) warnOfNode(deps, peer.node, 'ProtocolBreach', message)
  }

  /** Function declarations, because the judge is made before the sessions have anybody in them. */
  function hangUp(node: string): void {
    const session = sessions.current(node)
    if (session) broker.close(session.connection)
  }

  function endNode(node: Node): void {
    const { name } = node.metadata
    identities.revoke(node)
    hangUpRevoked(name)
    states.forget(name)
    judge.forget(name)
    intake.forget(name)
    for (const listener of revokedListeners) listener(name)
  }

  function hangUpRevoked(node: string): void {
    const session = sessions.current(node)
    if (session && identities.refuse(session.connection)) broker.close(session.connection)
  }

  function watch(): Unwatch[] {
    const since = store.revision
    const touch = (node: string) => {
      desired.touch(node)
      desiredLoop.add(node)
    }
    for (const { metadata } of store.list(NODE)) judgeLoop.add(metadata.name)
    return [
      // Before anybody looks at the node for it.
      store.watch(POD, since, ({ type, object }) => {
        if (type === 'DELETED') states.sawRemoved(object)
      }),
      watchRelevance(store, touch),
      store.watch(NODE, since, ({ type, object, previous }) => {
        if (type === 'DELETED') endNode(object)
        else if (!previous || !sameJson(judgedParts(object), judgedParts(previous))) judgeLoop.add(object.metadata.name)
      }),
      store.watch(SECRET, since, ({ type, object }) => {
        const identity = identityOf(object)
        if (!identity) return
        // By hand: who removes what the hub knows of a key does not want it back with a backup either.
        if (identity.isRevoked || type === 'DELETED') revocations.add(identity)
        hangUpRevoked(identity.node)
      }),
    ]
  }

  return {
    routes: [
      ...createEnrolRoutes({ enrolment, caPem: pki.caPem, clock, log }),
      { path: '/mqtt', permission: 'node certificate', upgrade: broker.upgrade },
    ],
    usage: intake.usage,
    leases,
    nodeStates: () => new Map(objects.list(NODE).map((node) => [node.metadata.name, judge.view(node)])),
    session: (node) => sessions.current(node)?.hello?.session,
    sendCall(node, message) {
      const session = sessions.current(node)
      if (!session?.hello) return false
      outbox.call(session, message)
      return true
    },
    lastHeardWallMs: judge.lastHeardWallMs,
    identify(request) {
      const peer = peerOf(request.socket)
      return peer && identities.refuse(peer) === undefined ? peer.node : undefined
    },
    onRevoked: (listener) => void revokedListeners.push(listener),
    get counters() {
      return { sessions: sessions.size, messages: inbox.counters, reports: reports.counters }
    },
    async start() {
      noteLockedOut(store, identities.settle())
      judge.start()
      leases.start()
      unwatch = watch()
      for (const each of loops) await each.start()
      broker.use({
        admit,
        opened: (connection) => void sessions.open(connection, clock.monoMs()),
        closed: (connection) => sessions.close(connection),
        message: inbox.take,
        crowded: judge.excuse,
        breach,
      })
      await broker.start()
    },
    async stop() {
      await broker.stop()
      for (const end of unwatch.splice(0)) end()
      for (const each of loops) await each.stop()
    },
  }
}

/**
 * Where the judge's answer shows, what people change there, and what the device runs out of: all other writes to a node
 * are none of its business.
 */
const judgedParts = (node: Node) => ({
  state: node.metadata.annotations?.[STATE_ANNOTATION],
  spec: node.spec,
  ready: node.status?.conditions?.find(({ type }) => type === 'Ready'),
  pressures: pressuresOf(node),
})
