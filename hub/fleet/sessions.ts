// sessions.ts - who is connected now: one session for each node, from its hello to the next; in memory only
import { createAssembler, type Assembler } from '../../shared/protocol/parts.ts'
import type { Dictionary } from '../../shared/protocol/dictionary.ts'
import type { Hello } from '../../shared/protocol/messages.ts'
import type { Admission, Connection } from '../broker/broker.ts'
import type { BeatEvery } from './beat-every.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** A beat every ten seconds, a status a second at most, and a long journal after a long night. */
const MESSAGES = { burst: 400, perSecond: 20 }

export interface Held {
  epoch: number
  revision: number
}

export interface Session {
  readonly connection: Connection
  readonly bucket: TokenBucket
  readonly assembler: Assembler
  /** Undefined until its hello. */
  hello?: Hello
  heardMs: number
  /** What it says that it has applied. */
  applied?: Held
  /** The last status that was understood: the next one may be written against it. */
  statusDictionary?: Dictionary
}

export interface Sessions {
  /** Whether this connection may take the place of the one that stands. */
  admit(connection: Connection, nowMs: number): Admission
  open(connection: Connection, nowMs: number): Session
  /** Undefined when another connection has taken its place. */
  of(connection: Connection): Session | undefined
  current(node: string): Session | undefined
  close(connection: Connection): void
  all(): IterableIterator<Session>
  readonly size: number
}

export function createSessions({ beatEveryMs }: { beatEveryMs: BeatEvery }): Sessions {
  const sessions = new Map<string, Session>()
  const of = (connection: Connection) => {
    const session = sessions.get(connection.node)
    return session?.connection.id === connection.id ? session : undefined
  }
  /** One lost beat is a bad link; whoever spoke within this lives, and whoever lives stays. */
  const lives = (session: Session, nowMs: number) =>
    nowMs - session.heardMs <= 1.5 * beatEveryMs(session.connection.node)

  return {
    admit({ node, instance }, nowMs) {
      const present = sessions.get(node)
      // The same process comes back over a new link before we noticed that the old one broke.
      if (!present || present.connection.instance === instance || !lives(present, nowMs)) return { ok: true }
      return {
        ok: false,
        why: 'duplicate',
        message: `another device at ${present.connection.address} uses this identity`,
      }
    },
    open(connection, nowMs) {
      const session = { connection, heardMs: nowMs, bucket: createTokenBucket(MESSAGES), assembler: createAssembler() }
      sessions.set(connection.node, session)
      return session
    },
    of,
    current: (node) => sessions.get(node),
    close(connection) {
      if (of(connection)) sessions.delete(connection.node)
    },
    all: () => sessions.values(),
    get size() {
      return sessions.size
    },
  }
}
