// session-rules.ts - a session of a device has a number that none before it had: what was said in another one counts no more
import type { Rules } from './rules.ts'

export interface SessionRules {
  /** The hub has heard a word that was said in this session, over this connection. */
  heard(node: string, connection: number, session: number): void
  /** The device could not keep the number, or has lost it. */
  excuse(node: string): void
}

export function createSessionRules({ rules }: { rules: Rules }): SessionRules {
  const newest = new Map<string, { connection: number; session: number }>()
  const excused = new Set<string>()
  return {
    heard(node, connection, session) {
      const before = newest.get(node)
      newest.set(node, { connection, session })
      if (!before || before.connection === connection || excused.has(node)) return
      if (session <= before.session)
        rules.broken(
          'a session has a number of its own',
          `${node} says ${session} after ${before.session}, over another connection`,
        )
    },
    excuse: (node) => void excused.add(node),
  }
}
