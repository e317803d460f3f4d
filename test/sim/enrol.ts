// enrol.ts - lets the devices of a run in, as the hub lets any device in: with a token
import type { HubCore } from '../../hub/core.ts'
import { createEnrolment } from '../../hub/fleet/enrol.ts'
import { createIdentities } from '../../hub/fleet/identities.ts'
import { createRevocations } from '../../hub/fleet/revocations.ts'
import type { Pki } from '../../hub/fleet/pki.ts'
import type { Clock } from '../../shared/clock.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import type { Log } from '../../shared/log.ts'
import {
  JOIN_TOKEN_NAMESPACE,
  JOIN_TOKEN_TYPE,
  joinTokenData,
  joinTokenHash,
  joinTokenSecretName,
} from '../../shared/protocol/join-token-secret.ts'
import { factsOf } from './device.ts'

export interface EnrolAllDeps {
  names: readonly string[]
  pki: Pki
  clock: Clock
  log: Log
}

const TOKEN = { id: 'simtoken', secret: 'a'.repeat(22) }
const TOKEN_LASTS_MS = 3_600_000

export async function enrolAll(core: HubCore, { names, pki, clock, log }: EnrolAllDeps): Promise<void> {
  const { store, objects } = core
  const token = { ...TOKEN, secretHash: joinTokenHash(TOKEN.secret), usesLeft: names.length, labels: {} }
  objects.create(SECRET, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: JOIN_TOKEN_NAMESPACE, name: joinTokenSecretName(TOKEN.id) },
    type: JOIN_TOKEN_TYPE,
    data: joinTokenData({ ...token, expiresAtMs: clock.wallMs() + TOKEN_LASTS_MS }),
  })
  const identities = createIdentities(objects, createRevocations({ clock, log }))
  const enrolment = createEnrolment({ store, objects, identities, pki, clock, log, mqttPort: () => 8883 })
  for (const nodeName of names) {
    await enrolment.enrol({
      tokenId: TOKEN.id,
      secret: TOKEN.secret,
      csr: nodeName,
      nodeName,
      facts: factsOf(nodeName),
    })
  }
}
