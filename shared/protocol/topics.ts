// topics.ts - every MQTT topic of the protocol; a node publishes and reads only below its own
export const UP = ['hello', 'beat', 'status', 'journal', 'held', 'will'] as const
export const DOWN = ['state', 'ack', 'call', 'keys'] as const
export type UpTopic = (typeof UP)[number]
export type DownTopic = (typeof DOWN)[number]

const PREFIX = 'hf/1/'
/** RFC 1123 label: certificate CN, client id and topic segment are this, byte for byte. */
const NODE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export const isNodeName = (name: string): boolean => NODE_NAME.test(name)

export const topicOf = (node: string, what: UpTopic | DownTopic): string => `${PREFIX}${node}/${what}`

export function parseTopic(topic: string): { node: string; what: UpTopic | DownTopic } | undefined {
  if (!topic.startsWith(PREFIX)) return undefined
  const [node, what, ...more] = topic.slice(PREFIX.length).split('/')
  if (!node || !isNodeName(node) || !what || more.length > 0) return undefined
  const known = [...UP, ...DOWN].find((word) => word === what)
  return known && { node, what: known }
}
