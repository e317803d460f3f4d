// listeners.ts - who wants to know: told one after another, and one that throws does not silence the rest
import type { Log } from '../../shared/log.ts'

export interface Listeners {
  readonly add: (listener: () => void) => () => void
  tell(): void
}

export function createListeners(log: Log): Listeners {
  const listeners = new Set<() => void>()
  return {
    add(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    tell() {
      for (const listener of listeners) {
        try {
          listener()
        } catch (error) {
          log.error({ error }, 'a listener of the cache failed')
        }
      }
    },
  }
}
