// credentials.ts - the tokens of the built-in users, kept as hashes, and the kubeconfig that holds them
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import type { Random } from '../shared/random.ts'
import { kubeconfig } from './api/access/kubeconfig.ts'
import { mintToken, type TokenRecord } from './api/access/tokens.ts'
import { writePrivateFile } from './fleet/private-file.ts'
import { parseYaml, toYaml } from '../shared/yaml.ts'

const tokenFile = v.array(
  v.object({ user: v.string(), uid: v.string(), groups: v.array(v.string()), hash: v.string() }),
)

const kubeconfigFile = v.looseObject({
  clusters: v.array(v.looseObject({ name: v.string(), cluster: v.looseObject({ server: v.string() }) })),
})

const CLUSTER = 'holdfast'

export interface CredentialsDeps {
  dataDir: string
  kubeconfigPath: string
  server: string
  caPem: string
  random: Random
}

/** The kubeconfig is the only place where the tokens stand: without it, new ones are made and the old ones are void. */
export function loadOrMintTokens(deps: CredentialsDeps): readonly TokenRecord[] {
  const path = join(deps.dataDir, 'tokens.json')
  if (existsSync(path) && existsSync(deps.kubeconfigPath))
    return v.parse(tokenFile, JSON.parse(readFileSync(path, 'utf8')))
  const admin = mintToken('admin', deps.random)
  const viewer = mintToken('viewer', deps.random)
  const records = [admin.record, viewer.record]
  writePrivateFile(path, JSON.stringify(records, undefined, 2))
  const users = [
    { name: 'admin', token: admin.token },
    { name: 'viewer', token: viewer.token },
  ] as const
  mkdirSync(dirname(deps.kubeconfigPath), { recursive: true })
  const { server, caPem } = deps
  writePrivateFile(deps.kubeconfigPath, toYaml(kubeconfig({ cluster: CLUSTER, server, caPem, users: [...users] })))
  return records
}

/** The hub's address may have changed since the file was written, and port 0 becomes known only now. The rest is kept. */
export function pointKubeconfigAt(path: string, server: string): void {
  const { value } = parseYaml(readFileSync(path, 'utf8'))
  // Somebody has made it something else: it is theirs.
  if (!v.is(kubeconfigFile, value)) return
  const ours = value.clusters.find(({ name }) => name === CLUSTER)
  if (!ours || ours.cluster.server === server) return
  ours.cluster.server = server
  writePrivateFile(path, toYaml(value))
}

/** Signs the tokens of service accounts; a key of its own, so that it can be replaced without the fleet's. */
export function loadOrCreateTokenKey(dataDir: string): KeyObject {
  const path = join(dataDir, 'service-account.key')
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writePrivateFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  }
  return createPrivateKey(readFileSync(path, 'utf8'))
}
