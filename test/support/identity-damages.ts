// identity-damages.ts - what can happen to one of the files in which a device keeps who it is; the others tell it
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unsealed } from '../../agent/cache/durable-file.ts'
import { change, empty, flip, remove } from './harm.ts'

export interface IdentityDamage {
  harm: (dataDir: string) => void
  /** What the node says; nothing when nothing was lost. */
  says: string | undefined
  /** What must have been set aside. */
  aside?: RegExp
}

export const [FIRST, SECOND, TRUST] = ['identity.json', 'identity.copy.json', 'trust.json'] as const
const FIRST_ASIDE = /^identity\.json\.damaged-1$/
const DAMAGED = 'the identity was damaged'

const inFile = (name: string, how: (bytes: Buffer) => Buffer | void) => (dir: string) => change(join(dir, name), how)
const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)

export const IDENTITY_DAMAGES: Readonly<Record<string, IdentityDamage>> = {
  'identity: bit flipped in the key': {
    harm: inFile(FIRST, flip('BEGIN PRIVATE')),
    says: DAMAGED,
    aside: FIRST_ASIDE,
  },
  'identity: bit flipped in the checksum': {
    harm: inFile(FIRST, (bytes) => void bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)),
    says: DAMAGED,
    aside: FIRST_ASIDE,
  },
  'identity: truncated': { harm: inFile(FIRST, half), says: DAMAGED, aside: FIRST_ASIDE },
  'identity: emptied': { harm: empty(FIRST), says: DAMAGED, aside: FIRST_ASIDE },
  'identity: zeroed': { harm: inFile(FIRST, (bytes) => void bytes.fill(0)), says: DAMAGED, aside: FIRST_ASIDE },
  'identity: removed': { harm: remove(FIRST), says: 'the identity was gone' },
  'identity: truncated second copy': {
    harm: inFile(SECOND, half),
    says: 'the second copy of the identity was damaged',
    aside: /^identity\.copy\.json\.damaged-1$/,
  },
  'identity: removed second copy': { harm: remove(SECOND), says: 'the second copy of the identity was gone' },
  'identity: emptied file of trust': {
    harm: empty(TRUST),
    says: 'the file of trust was damaged',
    aside: /^trust\.json\.damaged-1$/,
  },
  'identity: as older agents kept it, once and without a checksum': { harm: asOlderAgentsKeptIt, says: undefined },
}

export function asOlderAgentsKeptIt(dir: string): void {
  change(join(dir, FIRST), (bytes) => Buffer.from(JSON.stringify(unsealed(bytes), undefined, 2)))
  for (const name of [SECOND, TRUST]) rmSync(join(dir, name))
}

/** No copy of the identity is left; what is no secret is. */
export const LOSSES: Readonly<Record<string, (dataDir: string) => void>> = {
  'both copies removed': remove(FIRST, SECOND),
  'both copies emptied': (dir) => [FIRST, SECOND].forEach((name) => empty(name)(dir)),
  'one removed, one of them nonsense': (dir) => {
    remove(FIRST)(dir)
    writeFileSync(join(dir, SECOND), '{"nodeName":"somebody"}')
  },
}
