// intake.ts - what the hub does with each message of a device: remembers it, and wakes whoever has to act
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Log } from '../../shared/log.ts'
import type { KeySet } from '../../shared/protocol/key-set.ts'
import type { Hello, NodeReport } from '../../shared/protocol/messages.ts'
import type { BeatEvery } from './beat-every.ts'
import type { Accounts } from './accounts.ts'
import type { Broker, Peer } from '../broker/broker.ts'
import type { Objects } from '../store/objects.ts'
import type { Desired } from './desired.ts'
import type { InboxDeps } from './inbox.ts'
import type { JournalIngest } from './ingest-journal.ts'
import { reportedReady, type ReportIngest } from './ingest-report.ts'
import type { Judge } from './judge.ts'
import type { Leases } from './leases.ts'
import { STATE_ANNOTATION } from './node-status.ts'
import type { Session } from './sessions.ts'
import type { Outbox } from './outbox.ts'
import { measuredBy, type MeasuredNode, type NodeUsage } from './usage.ts'

export interface IntakeDeps {
  objects: Objects
  broker: Broker
  clock: Clock
  log: Log
  reports: ReportIngest
  journal: JournalIngest
  desired: Desired
  accounts: Accounts
  judge: Judge
  leases: Leases
  outbox: Outbox
  /** The keys in force; absent where keys do not change. */
  keySet?: KeySet | undefined
  /** Each looks at the node in its own time; a thousand hellos at once wait there. */
  wake: Record<'ingest' | 'desired' | 'judge', (node: string) => void>
  breach(peer: Peer, message: string): void
  beatEveryMs: BeatEvery
}

export interface Intake {
  readonly handlers: Omit<InboxDeps, 'sessions' | 'clock'>
  readonly usage: NodeUsage
  /** Writes down what has come from the node since the last time. */
  ingest(node: string): void
  forget(node: string): void
}

export function createIntake(deps: IntakeDeps): Intake {
  const { broker, clock, log, judge, outbox, wake, breach } = deps
  const measured = new Map<string, MeasuredNode>()
  /** What is still to be written: the newest of each node replaces what nobody has looked at. */
  const hellos = new Map<string, Hello>()
  const reports = new Map<string, NodeReport>()
  /** Of sessions whose devices hold what the hub does not know yet. */
  const unplaced = new WeakMap<Session, NodeReport>()

  function heard(node: string, by: 'beat' | 'report' | 'journal' | 'held state'): void {
    judge.heard(node, by)
    const state = deps.objects.get(NODE, undefined, node)?.metadata.annotations?.[STATE_ANNOTATION]
    if (state !== 'Online') wake.judge(node)
  }

  const isOutdated = ({ keySet }: Hello) => deps.keySet !== undefined && (keySet ?? 1) < deps.keySet.version

  /** It would refuse all else: the session begins when it has taken them and says hello again. */
  function sendKeys(node: string, { keySet }: Hello): void {
    judge.heard(node, 'hello')
    if (deps.keySet && keySet !== undefined) return outbox.keys(node, deps.keySet)
    log.warn(
      { node },
      'the device joined before keys could be rotated and knows only the old one: it has to join again',
    )
  }

  const handlers: Intake['handlers'] = {
    onHello(session, hello) {
      const { connection } = session
      const { node } = connection
      if (hello.instance !== connection.instance) {
        breach(connection, 'its hello names another instance than its connection')
        return broker.close(connection)
      }
      if (isOutdated(hello)) return sendKeys(node, hello)
      session.hello = hello
      session.applied = hello.held
      judge.heard(node, 'hello', hello.session)
      hellos.set(node, hello)
      deps.desired.begin(session)
      for (const each of [wake.ingest, wake.desired, wake.judge]) each(node)
    },
    onBeat(session, beat) {
      const { node } = session.connection
      const { e: epoch, r: revision } = beat
      measured.set(node, measuredBy(beat, clock.wallMs(), deps.beatEveryMs(node)))
      heard(node, 'beat')
      const lease = deps.leases.onBeat(node, beat.seq)
      if (lease) outbox.ack(session, { upTo: 0, lease })
      if (session.applied?.epoch === epoch && session.applied.revision === revision) return
      session.applied = { epoch, revision }
      wake.desired(node)
    },
    onStatus(session, { report }) {
      const { node } = session.connection
      reports.set(node, report)
      if (deps.accounts.waitMs(session) !== undefined) unplaced.set(session, report)
      heard(node, 'report')
      wake.ingest(node)
      if (judge.reportedReady(node, reportedReady(report))) wake.judge(node)
    },
    onJournal(session, { journal, entries }) {
      const { node } = session.connection
      heard(node, 'journal')
      deps.journal.take(node, journal, entries).then(
        (upTo) => outbox.ack(session, { upTo }),
        (error: unknown) => {
          // Not acknowledged: the device keeps it and sends it again in its next session.
          log.warn({ node, error }, 'a journal could not be taken')
          broker.close(session.connection)
        },
      )
    },
    onHeld(session, signed) {
      const { node } = session.connection
      heard(node, 'held state')
      if (!deps.accounts.take(session, signed)) return
      // Said before the hub knew these pods, and not said again while nothing changes.
      const early = unplaced.get(session)
      if (early && !reports.has(node)) reports.set(node, early)
      for (const each of [wake.ingest, wake.desired]) each(node)
    },
    onWill(node, { session }) {
      if (judge.linkLost(node, session)) wake.judge(node)
    },
    wantPlain: (session) => outbox.ack(session, { upTo: 0, wantPlain: true }),
    onGarbage(connection, why) {
      breach(connection, why)
      broker.close(connection)
    },
  }

  return {
    handlers,
    usage: { latest: (node) => measured.get(node) },
    ingest(node) {
      const [hello, report] = [hellos.get(node), reports.get(node)]
      if (hello) deps.reports.hello(node, hello)
      if (report) deps.reports.report(node, report)
      // Only now: when the store refused, it is tried again.
      if (hellos.get(node) === hello) hellos.delete(node)
      if (reports.get(node) === report) reports.delete(node)
    },
    forget(node) {
      for (const map of [measured, hellos, reports]) map.delete(node)
    },
  }
}
