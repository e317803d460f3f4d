// signed-states.ts - everything that the hub ever signed for a device: what a device may hold, and that a number has one meaning
import { sha256Hex } from '../../shared/hash.ts'
import type { Signer } from '../../shared/protocol/signing.ts'
import type { HubDisk } from './hub-disk.ts'
import type { Rules } from './rules.ts'
import { HUB_SIGNER } from './signing.ts'

export interface Numbered {
  epoch: number
  revision: number
}

export interface SignedStates {
  readonly signer: Signer
  /** The hub was set back and nobody has told it: until a device does, it gives out numbers anew. */
  restored(): void
  wasSigned(node: string, digest: string): boolean
}

const STATE_TOPIC = /^hf\/1\/([^/]+)\/state$/

export function createSignedStates({ rules, disk }: { rules: Rules; disk: HubDisk }): SignedStates {
  const digests = new Set<string>()
  const byNumber = new Map<string, string>()

  function note(node: string, body: Uint8Array): void {
    const digest = sha256Hex(Buffer.from(body))
    if (digests.has(`${node} ${digest}`)) return
    digests.add(`${node} ${digest}`)
    // Our own hub has just made it: the shape is known.
    const { epoch, revision } = JSON.parse(Buffer.from(body).toString('utf8')) as Numbered
    const number = `${node} ${epoch}/${revision}`
    const other = byNumber.get(number)
    byNumber.set(number, digest)
    if (other !== undefined) rules.broken('a number has one meaning', `two states are signed as ${number}`)
    const { meta } = disk.image
    if (epoch === meta.epoch && revision > meta.revision)
      rules.broken(
        'nothing leaves the hub before it is durable',
        `${number} is signed, the disk is at ${meta.revision}`,
      )
  }

  return {
    signer: {
      keyId: HUB_SIGNER.keyId,
      sign(topic, body) {
        const node = STATE_TOPIC.exec(topic)?.[1]
        if (node !== undefined) note(node, body)
        return HUB_SIGNER.sign(topic, body)
      },
    },
    restored: () => byNumber.clear(),
    wasSigned: (node, digest) => digests.has(`${node} ${digest}`),
  }
}
