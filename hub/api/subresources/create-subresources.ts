// create-subresources.ts - everything of the API that is not create, read, update, delete: one extension to plug in
import type { Clock } from '../../../shared/clock.ts'
import type { Kind } from '../../../shared/kinds/kind.ts'
import type { NodeCalls } from '../../../shared/protocol/calls.ts'
import type { Objects } from '../../store/objects.ts'
import type { TokenAccess } from '../access/create-access.ts'
import type { ServiceAccountTokens } from '../access/service-account-tokens.ts'
import type { Extension } from '../extension.ts'
import { createLeases } from '../streams/leases.ts'
import { createBindingHandler } from './binding.ts'
import { createEvictionHandler } from './eviction.ts'
import { createFinalizeHandler } from './finalize.ts'
import { createLogsHandler } from './logs.ts'
import { createMetrics, type NodeUsage } from './metrics.ts'
import { createPodUsage } from './pod-usage.ts'
import { proxyRefusals } from './proxies.ts'
import { createReviews } from './reviews.ts'
import { createStreamUpgrades } from './stream-upgrades.ts'
import { createTokenRequestHandler } from './token-request.ts'

export interface SubresourcesDeps {
  objects: Objects
  /** All that are served, custom ones too. */
  kinds: () => readonly Kind[]
  access: TokenAccess
  serviceAccountTokens: ServiceAccountTokens
  calls: NodeCalls
  nodeUsage: NodeUsage
  clock: Clock
}

export function createSubresources(deps: SubresourcesDeps): Extension {
  const { objects, calls, clock, access, kinds } = deps
  const leases = createLeases(clock)
  const podUsage = createPodUsage({ calls, clock })
  const streams = createStreamUpgrades({ objects, calls, leases, clock })
  return {
    upgrades: { ...streams.upgrades },
    handlers: {
      ...streams.handlers,
      ...proxyRefusals,
      ...createReviews({ access, kinds }),
      ...createMetrics({ objects, nodeUsage: deps.nodeUsage, podUsage, clock }),
      '/pods/log': createLogsHandler({ objects, calls, leases, clock }),
      '/pods/eviction': createEvictionHandler({ objects }),
      '/pods/binding': createBindingHandler({ objects }),
      '/namespaces/finalize': createFinalizeHandler({ objects }),
      '/serviceaccounts/token': createTokenRequestHandler({ objects, tokens: deps.serviceAccountTokens, clock }),
    },
  }
}
