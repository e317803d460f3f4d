// states.ts - wires what decides about desired states: their numbers, what devices hold, what must not vanish, and who sends them
import type { Pod } from '../../shared/kinds/object.ts'
import { newestOf } from '../../shared/protocol/key-set.ts'
import { createVerifier } from '../../shared/protocol/signing.ts'
import { createAccounts, type Accounts, type AccountsDeps } from './accounts.ts'
import { createDesired, type Desired, type DesiredDeps } from './desired.ts'
import { createNumbers } from './numbers.ts'
import type { Outbox } from './outbox.ts'
import type { Pki } from './pki.ts'
import { createRemovalGuard } from './removal-guard.ts'

export interface StatesDeps
  extends
    Pick<AccountsDeps, 'store' | 'objects' | 'events' | 'revocations' | 'clock' | 'random' | 'log'>,
    Pick<DesiredDeps, 'sessions' | 'beatEveryMs' | 'epoch'> {
  outbox: Outbox
  pki: Pki
}

export interface States {
  readonly desired: Desired
  readonly accounts: Accounts
  /** The object of this pod was removed; its deletion had been asked for, or not. */
  sawRemoved(pod: Pod): void
  /** The node itself is gone. */
  forget(node: string): void
}

export function createStates(deps: StatesDeps): States {
  const { outbox, pki } = deps
  const { trust } = pki
  const numbers = createNumbers(deps.store)
  const guard = createRemovalGuard(deps)
  const accounts = createAccounts({
    ...deps,
    numbers,
    verifier: createVerifier(pki.signingKeysPem),
    isTrusted: (rank) => trust?.keySet.keys.some((key) => key.rank === rank) ?? true,
    askHeld: (session) => outbox.ack(session, { upTo: 0, wantHeld: true }),
  })
  const desired = createDesired({
    ...{ ...deps, numbers, guard },
    waitMs: accounts.waitMs,
    above: accounts.above,
    isSignedNow: ({ hello }) => !trust || (hello?.held.key ?? 0) === newestOf(trust.keySet).rank,
    send: outbox.state,
  })
  return {
    desired,
    accounts,
    sawRemoved: guard.sawRemoved,
    forget(node) {
      desired.forget(node)
      numbers.forget(node)
    },
  }
}
