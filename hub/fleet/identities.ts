// identities.ts - which key may speak for which node; kept as Secrets, also after their node is gone
import { SECRET } from '../../shared/kinds/secret.ts'
import type { Node, Secret } from '../../shared/kinds/object.ts'
import { NODE } from '../../shared/kinds/node.ts'
import type { Peer } from '../broker/broker.ts'
import type { Objects } from '../store/objects.ts'
import type { Revocations } from './revocations.ts'

export const IDENTITY_TYPE = 'holdfast.dev/node-identity'
const NAMESPACE = 'kube-system'
/** 128 bit of the fingerprint name the Secret; all of it stands inside. */
const NAME_CHARACTERS = 32

export const NEVER_ENROLLED = 'this key was never enrolled here'

export interface Identity {
  node: string
  /** Another Node of the same name is another device: it does not bring an old key back to life. */
  nodeUid: string
  keyFingerprint: string
  /** The join token that let it in; a repeated request for the same key gets the same answer. */
  tokenId: string
  isRevoked: boolean
}

export interface Identities {
  find(keyFingerprint: string): Identity | undefined
  /** What is wrong with this peer; undefined when it may speak for its node. */
  refuse(peer: Peer): string | undefined
  add(identity: Omit<Identity, 'isRevoked'>): void
  /** Let in again, with another token. */
  renew(identity: Identity, tokenId: string): void
  /** The record stays as a tombstone. */
  revoke(node: Node): void
  /** Brings store and revocations together, after a backup was put back; answers the nodes that are locked out again. */
  settle(): string[]
}

export function createIdentities(objects: Objects, revocations: Pick<Revocations, 'has' | 'add'>): Identities {
  const find = (keyFingerprint: string): Identity | undefined => {
    const secret = objects.get(SECRET, NAMESPACE, nameOf(keyFingerprint))
    const identity = secret && identityOf(secret)
    return identity?.keyFingerprint === keyFingerprint ? identity : undefined
  }
  function markRevoked(secret: Secret, identity: Identity): void {
    revocations.add(identity)
    const data = dataOf({ ...identity, isRevoked: true })
    objects.modify(SECRET, NAMESPACE, secret.metadata.name, (current) => ({ ...current, data }))
  }
  return {
    find,
    refuse({ node, keyFingerprint }) {
      const identity = find(keyFingerprint)
      if (!identity) return NEVER_ENROLLED
      if (identity.isRevoked || revocations.has(keyFingerprint)) return 'this identity was revoked'
      if (identity.node !== node) return 'this key belongs to another node'
      const current = objects.get(NODE, undefined, node)
      return current?.metadata.uid === identity.nodeUid ? undefined : 'the node of this identity was deleted'
    },
    add(identity) {
      const metadata = { name: nameOf(identity.keyFingerprint), namespace: NAMESPACE }
      objects.create(SECRET, {
        ...HEAD,
        metadata,
        type: IDENTITY_TYPE,
        data: dataOf({ ...identity, isRevoked: false }),
      })
    },
    renew(identity, tokenId) {
      const data = dataOf({ ...identity, tokenId })
      objects.modify(SECRET, NAMESPACE, nameOf(identity.keyFingerprint), (current) => ({ ...current, data }))
    },
    revoke({ metadata: { uid } }) {
      for (const secret of objects.list(SECRET, NAMESPACE)) {
        const identity = identityOf(secret)
        if (identity && !identity.isRevoked && identity.nodeUid === uid) markRevoked(secret, identity)
      }
    },
    settle() {
      const lockedOut: string[] = []
      for (const secret of objects.list(SECRET, NAMESPACE)) {
        const identity = identityOf(secret)
        if (identity?.isRevoked) revocations.add(identity)
        else if (identity && revocations.has(identity.keyFingerprint)) {
          markRevoked(secret, identity)
          lockedOut.push(identity.node)
        }
      }
      return lockedOut
    },
  }
}

const HEAD = { apiVersion: 'v1', kind: 'Secret' }

const nameOf = (keyFingerprint: string): string => `node-identity-${keyFingerprint.slice(0, NAME_CHARACTERS)}`

const encode = (text: string): string => Buffer.from(text).toString('base64')
const decode = (data: Secret['data'], key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')

function dataOf({ node, nodeUid, keyFingerprint, tokenId, isRevoked }: Identity): Record<string, string> {
  return {
    node: encode(node),
    nodeUid: encode(nodeUid),
    keyFingerprint: encode(keyFingerprint),
    tokenId: encode(tokenId),
    revoked: encode(String(isRevoked)),
  }
}

/** Undefined for other Secrets. Anything but a clear "false" counts as revoked. */
export function identityOf({ type, data }: Secret): Identity | undefined {
  if (type !== IDENTITY_TYPE) return undefined
  return {
    node: decode(data, 'node'),
    nodeUid: decode(data, 'nodeUid'),
    keyFingerprint: decode(data, 'keyFingerprint'),
    tokenId: decode(data, 'tokenId'),
    isRevoked: decode(data, 'revoked') !== 'false',
  }
}
