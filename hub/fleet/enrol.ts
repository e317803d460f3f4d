// enrol.ts - lets a device in: checks its token, names it, certifies its key, makes its Node
import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import { NODE } from '../../shared/kinds/node.ts'
import { SECRET } from '../../shared/kinds/secret.ts'
import type { Log } from '../../shared/log.ts'
import type { EnrolAnswer, EnrolRequest, TokenCheck, TokenCheckAnswer } from '../../shared/protocol/enrolment.ts'
import {
  JOIN_TOKEN_NAMESPACE,
  joinTokenData,
  joinTokenHash,
  joinTokenOf,
  joinTokenSecretName,
  type JoinTokenRecord,
} from '../../shared/protocol/join-token-secret.ts'
import { isNodeName } from '../../shared/protocol/topics.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { Identities, Identity } from './identities.ts'
import { newNode } from './new-node.ts'
import type { Pki } from './pki.ts'

export class EnrolError extends Error {
  override readonly name = 'EnrolError'
  readonly status: 400 | 403 | 409
  readonly reason: string
  constructor(status: EnrolError['status'], reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

export interface EnrolDeps {
  store: Store
  objects: Objects
  identities: Identities
  pki: Pki
  clock: Clock
  log: Log
  mqttPort(): number
}

/** Both throw EnrolError. */
export interface Enrolment {
  /** When it resolves, the identity survives a power cut of the hub. */
  enrol(request: EnrolRequest): Promise<EnrolAnswer>
  /** Changes nothing. */
  check(request: TokenCheck): TokenCheckAnswer
}

export function createEnrolment(deps: EnrolDeps): Enrolment {
  const { store, objects, identities, pki, clock, log } = deps

  async function enrol(request: EnrolRequest): Promise<EnrolAnswer> {
    checkToken(request)
    const keyFingerprint = await pki.keyOfRequest(request.csr).catch((error: unknown) => {
      throw new EnrolError(400, 'BadRequest', `the certificate request is not usable: ${String(error)}`)
    })
    const nodeName = admit(request, keyFingerprint)
    const certificate = await pki.issueNode(request.csr, nodeName)
    await store.durable()
    log.info({ node: nodeName, token: request.tokenId }, 'device enrolled')
    const { caPem: ca, signingKeysPem, trust } = pki
    const root = trust && { rootKey: trust.rootKeyPem, keySet: trust.keySet }
    return { nodeName, certificate, ca, signingKeys: [...signingKeysPem], ...root, mqttPort: deps.mqttPort() }
  }

  /** In one go, without waiting in between: of a hundred requests at once, as many get in as the token has uses. */
  function admit(request: EnrolRequest, keyFingerprint: string): string {
    const known = identities.find(keyFingerprint)
    if (known) return admitAgain(known, request)
    const token = usableToken(request)
    const nodeName = chooseName(request)
    spend(token)
    const node = objects.create(NODE, newNode(nodeName, request.facts, token))
    identities.add({ node: nodeName, nodeUid: node.metadata.uid, keyFingerprint, tokenId: token.id })
    return nodeName
  }

  /**
   * The same key is the same node: when the answer to its first request got lost on the way, and when a device has lost what it
   * was given and comes with another token. Then it must say who it was: a copied card with a key on it does not.
   */
  function admitAgain(known: Identity, request: EnrolRequest): string {
    if (identities.refuse(known) !== undefined) throw enrolledBefore('')
    if (known.tokenId === request.tokenId) return known.node
    if (known.node !== request.nodeName) throw enrolledBefore(`join as node "${known.node}" again, or `)
    spend(usableToken(request))
    identities.renew(known, request.tokenId)
    return known.node
  }

  function usableToken(request: TokenCheck): JoinTokenRecord {
    const token = checkToken(request)
    if (token.usesLeft < 1) throw tokenRefused()
    return token
  }

  /** One answer for every cause, so that nobody learns which tokens exist. */
  function checkToken({ tokenId, secret }: TokenCheck): JoinTokenRecord {
    const stored = objects.get(SECRET, JOIN_TOKEN_NAMESPACE, joinTokenSecretName(tokenId))
    const token = stored && joinTokenOf(tokenId, stored)
    // Compared also when there is none, so that the time of the answer says nothing either.
    const isRight = sameText(joinTokenHash(secret), token?.secretHash ?? joinTokenHash(''))
    if (!token || !isRight || token.expiresAtMs <= clock.wallMs()) throw tokenRefused()
    return token
  }

  function check(request: TokenCheck): TokenCheckAnswer {
    const { usesLeft, expiresAtMs } = usableToken(request)
    return { usesLeft, expiresInMs: expiresAtMs - clock.wallMs(), mqttPort: deps.mqttPort() }
  }

  function spend(token: JoinTokenRecord): void {
    const data = joinTokenData({ ...token, usesLeft: token.usesLeft - 1 })
    objects.modify(SECRET, JOIN_TOKEN_NAMESPACE, joinTokenSecretName(token.id), (current) => ({ ...current, data }))
  }

  function chooseName({ nodeName, facts }: EnrolRequest): string {
    const isTaken = (name: string) => objects.get(NODE, undefined, name) !== undefined
    if (nodeName === undefined) return freeName(facts.hostname, isTaken)
    if (!isNodeName(nodeName)) {
      throw new EnrolError(
        400,
        'BadRequest',
        `"${nodeName}" is no node name: use 1 to 63 of a-z, 0-9 and -, not at the ends`,
      )
    }
    if (isTaken(nodeName))
      throw new EnrolError(
        409,
        'Conflict',
        `there is a node "${nodeName}" already: delete it first or take another name`,
      )
    return nodeName
  }

  return { enrol, check }
}

const tokenRefused = () =>
  new EnrolError(
    403,
    'Forbidden',
    'the token is not valid: unknown, used up or expired. Make a new one with `holdfast token create`',
  )

const enrolledBefore = (instead: string) =>
  new EnrolError(
    409,
    'Conflict',
    `this key has been enrolled before: ${instead}make a new one with \`holdfast-agent purge\``,
  )

/** Names beyond this are made by a script that went wrong. */
const SAME_NAME_MAX = 10_000
const NAME_CHARACTERS_MAX = 56

/** "Shop 7.local" becomes shop-7; a second one shop-7-2. */
export function freeName(hostname: string, isTaken: (name: string) => boolean): string {
  const [label = ''] = hostname.toLowerCase().split('.')
  const base =
    label
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, NAME_CHARACTERS_MAX)
      .replace(/^-+|-+$/g, '') || 'node'
  for (let number = 1; number <= SAME_NAME_MAX; number++) {
    const name = number === 1 ? base : `${base}-${number}`
    if (!isTaken(name)) return name
  }
  throw new EnrolError(409, 'Conflict', `too many nodes are called "${base}": give this one a name`)
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
