// rules.ts - what a device may do at the broker; pure, and the same for every broker that stands behind the port
import { DOWN, topicOf, UP, type UpTopic } from '../../shared/protocol/topics.ts'

/** A dead connection must be found within minutes, also by devices that pay for every byte. */
export const KEEPALIVE_S_MAX = 600
const INSTANCE = /^[A-Za-z0-9-]{1,64}$/

export interface ConnectAttempt {
  clientId: string
  clean: boolean
  keepalive: number
  username: string | undefined
  will?: { topic: string; retain: boolean; qos: number } | undefined
}

/** What is wrong with a CONNECT of this node; undefined when nothing is. Exact comparison also refuses NUL and bad UTF-8. */
export function connectBreach(node: string, attempt: ConnectAttempt): string | undefined {
  if (attempt.clientId !== node) return 'the client id is not the name in the certificate'
  if (!attempt.clean) return 'only clean sessions are served'
  if (attempt.keepalive < 1 || attempt.keepalive > KEEPALIVE_S_MAX)
    return `the keepalive is not within 1 and ${KEEPALIVE_S_MAX} s`
  if (!INSTANCE.test(attempt.username ?? '')) return 'the user name does not name an agent instance'
  if (attempt.will && attempt.will.topic !== topicOf(node, 'will')) return 'the will is not for its own topic'
  if (attempt.will?.retain) return 'retained messages are not taken'
  return undefined
}

export interface PublishAttempt {
  topic: string
  retain: boolean
  qos: number
}

/** The kind of message, or what is wrong with it. */
export function publishRule(
  node: string,
  { topic, retain, qos }: PublishAttempt,
): { what: UpTopic } | { breach: string } {
  const what = UP.find((word) => topic === topicOf(node, word))
  if (!what) return { breach: `publishing on ${quoted(topic)} is not allowed` }
  if (retain) return { breach: 'retained messages are not taken' }
  if (qos > 1) return { breach: 'quality of service 2 is not served' }
  return { what }
}

export function subscribeBreach(node: string, filter: string): string | undefined {
  return DOWN.some((word) => filter === topicOf(node, word))
    ? undefined
    : `subscribing to ${quoted(filter)} is not allowed`
}

/** Longest topic that an event repeats. */
const QUOTED_CHARACTERS_MAX = 100
const quoted = (topic: string) => JSON.stringify(topic.slice(0, QUOTED_CHARACTERS_MAX))
