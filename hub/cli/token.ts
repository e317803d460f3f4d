// token.ts - `holdfast token create`: one string that lets a device join; the hub keeps only the hash of its secret
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import type { ConfigMap } from '../../shared/kinds/object.ts'
import { HUB_INFO_NAME, HUB_INFO_NAMESPACE, hubAddressesOf } from '../../shared/protocol/hub-info.ts'
import { sha256Hex } from '../../shared/hash.ts'
import {
  JOIN_TOKEN_NAMESPACE,
  JOIN_TOKEN_TYPE,
  joinTokenData,
  joinTokenHash,
  joinTokenSecretName,
} from '../../shared/protocol/join-token-secret.ts'
import { encodeJoinToken, SECRET_BYTES } from '../../shared/protocol/join-token.ts'
import type { Random } from '../../shared/random.ts'
import { ApiError, type Client } from './client.ts'
import { CliError } from './cli-error.ts'
import type { HubAccess } from './kubeconfig-file.ts'

export interface TokenOptions {
  /** "host:port" under which the device reaches the hub; default: what the hub advertises. */
  hub: readonly string[]
  site?: string
  labels: Readonly<Record<string, string>>
  ttlMs: number
  uses: number
}

const ID_BYTES = 5

export async function createToken(
  { client, access, clock, random }: { client: Client; access: HubAccess; clock: Clock; random: Random },
  options: TokenOptions,
): Promise<string> {
  if (!access.caPem) throw new CliError('the kubeconfig holds no CA: a device could not tell this hub from another')
  const addresses = options.hub.length > 0 ? options.hub : await advertised(client, access)
  const id = Buffer.from(random.bytes(ID_BYTES)).toString('hex')
  const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')
  const { site, labels, uses: usesLeft, ttlMs } = options
  const record = {
    id,
    secretHash: joinTokenHash(secret),
    usesLeft,
    expiresAtMs: clock.wallMs() + ttlMs,
    labels,
    ...(site && { site }),
  }
  await client.send('POST', `/api/v1/namespaces/${JOIN_TOKEN_NAMESPACE}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: joinTokenSecretName(id) },
    type: JOIN_TOKEN_TYPE,
    data: joinTokenData(record),
  })
  const caFingerprint = sha256Hex(new X509Certificate(access.caPem).raw)
  return encodeJoinToken({ addresses, caFingerprint, id, secret })
}

async function advertised(client: Client, { server }: HubAccess): Promise<readonly string[]> {
  try {
    const info = await client.get<ConfigMap>(`/api/v1/namespaces/${HUB_INFO_NAMESPACE}/configmaps/${HUB_INFO_NAME}`)
    const addresses = hubAddressesOf(info)
    if (addresses.length > 0) return addresses
  } catch (error) {
    // Somebody has removed it: the address that we came by is as good as any.
    if (!(error instanceof ApiError && error.code === 404)) throw error
  }
  return [new URL(server).host]
}
