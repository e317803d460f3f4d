// inbox.ts - opens, checks and hands on what devices send; whoever sends garbage is shown the door
import type { Clock } from '../../shared/clock.ts'
import { STATIC_DICTIONARY, dictionaryOf } from '../../shared/protocol/dictionary.ts'
import { inflatedBytesMax, open } from '../../shared/protocol/envelope.ts'
import * as messages from '../../shared/protocol/messages.ts'
import { parseBody, type Parsed } from '../../shared/protocol/parse-body.ts'
import { topicOf, type UpTopic } from '../../shared/protocol/topics.ts'
import type { Connection } from '../broker/broker.ts'
import type { Session, Sessions } from './sessions.ts'

export interface InboxDeps {
  sessions: Sessions
  clock: Clock
  onHello(session: Session, hello: messages.Hello): void
  onBeat(session: Session, beat: messages.Beat): void
  onStatus(session: Session, status: messages.StatusMessage): void
  onJournal(session: Session, journal: messages.JournalMessage): void
  /** The signed state that the device holds, as it has received it. */
  onHeld(session: Session, signed: Buffer): void
  onWill(node: string, will: messages.Will): void
  /** It was written against something that we do not hold. */
  wantPlain(session: Session): void
  onGarbage(connection: Connection, why: string): void
}

export interface Inbox {
  take(connection: Connection, what: UpTopic, payload: Buffer): void
  readonly counters: { taken: number; stale: number; garbage: number }
}

export function createInbox(deps: InboxDeps): Inbox {
  const { sessions, clock } = deps
  const counters = { taken: 0, stale: 0, garbage: 0 }

  const garbage = (connection: Connection, why: string): void => {
    counters.garbage++
    deps.onGarbage(connection, why)
  }

  function take(connection: Connection, what: UpTopic, payload: Buffer): void {
    // A will comes when its connection is gone, and says by itself which session it is about.
    if (what === 'will') return takeWill(connection, payload)
    const session = sessions.of(connection)
    if (!session) return void counters.stale++
    if (!session.bucket.take(clock.monoMs())) return garbage(connection, 'it sends faster than any agent does')
    const packet = session.assembler.add(payload)
    if (!packet) return
    const opened = open({
      topic: topicOf(connection.node, what),
      packet,
      bytesMax: inflatedBytesMax(what),
      dictionaries: (id) => dictionary(session, id),
    })
    if (opened.ok) return hand(session, what, opened.body)
    if (opened.why === 'unknown dictionary') return deps.wantPlain(session)
    garbage(connection, `${what}: ${opened.why}`)
  }

  function hand(session: Session, what: Exclude<UpTopic, 'will'>, body: Buffer): void {
    session.heardMs = clock.monoMs()
    const given = <T extends { session: number }>(parsed: Parsed<T>, on: (session: Session, message: T) => void) => {
      if (!parsed.ok) return garbage(session.connection, `${what}: ${parsed.why}`)
      // Before the hello, or of a session that has ended: it cannot be placed.
      if (what !== 'hello' && parsed.value.session !== session.hello?.session) return void counters.stale++
      counters.taken++
      on(session, parsed.value)
    }
    switch (what) {
      case 'hello':
        return given(parseBody(messages.hello, body), deps.onHello)
      case 'beat':
        return given(parseBody(messages.beat, body), deps.onBeat)
      case 'status':
        return given(parseBody(messages.statusMessage, body), (of, status) => {
          of.statusDictionary = copyOf(body)
          deps.onStatus(of, status)
        })
      case 'journal':
        return given(parseBody(messages.journalMessage, body), deps.onJournal)
      case 'held':
        if (!session.hello) return void counters.stale++
        counters.taken++
        return deps.onHeld(session, body)
    }
  }

  function takeWill(connection: Connection, packet: Buffer): void {
    // Its number alone is not enough: a device that lost its disk counts its sessions anew.
    const present = sessions.current(connection.node)
    if (present && present.connection.id !== connection.id) return void counters.stale++
    const topic = topicOf(connection.node, 'will')
    const opened = open({ topic, packet, bytesMax: inflatedBytesMax('will'), dictionaries: () => undefined })
    const parsed = opened.ok ? parseBody(messages.will, opened.body) : opened
    if (!parsed.ok) return garbage(connection, `will: ${parsed.why}`)
    counters.taken++
    deps.onWill(connection.node, parsed.value)
  }

  return { take, counters }
}

const dictionary = (session: Session, id: number): Uint8Array | undefined =>
  [STATIC_DICTIONARY, session.statusDictionary].find((candidate) => candidate?.id === id)?.bytes

/** Only the window that deflate can use is kept, not the whole message behind it. */
function copyOf(body: Buffer) {
  const { id, bytes } = dictionaryOf(body)
  return { id, bytes: Buffer.from(bytes) }
}
