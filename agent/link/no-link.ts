// no-link.ts - in the place of a link on a device that has lost its identity: nobody lets it in, and what it holds goes on
import type { Clock } from '../../shared/clock.ts'
import type { Cache } from '../cache/cache.ts'
import type { Link } from './link.ts'
import { createRecord } from './record.ts'

const NOTHING_CAME = { taken: 0, repeated: 0, older: 0, conflicting: 0, refused: 0, uncommitted: 0, causes: {} }

export function createNoLink({ cache, clock }: { cache: Cache; clock: Clock }): Link {
  const record = createRecord({ cache, clock })
  const reason = { kind: 'network', message: 'this device has lost its identity' } as const
  return {
    start: () => record.away(reason),
    stop: () => record.stop(),
    state: () => ({ link: 'stopped', sinceMs: 0, reason, inbox: NOTHING_CAME }),
    greetAgain() {},
    messageTrouble: () => ({}),
  }
}
