// identity-files.ts - where the identity is kept: two copies with a checksum each, and a third file with what is no secret
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { readIfThere, sealed, setAside, unsealed, writeDurably } from '../cache/durable-file.ts'
import { identitySchema, trustSchema, type Identity, type Trust } from './identity.ts'

export type FoundIdentity =
  /** `damage`: what is wrong with one of the files, in words; `healIdentity` mends it. */
  | { kind: 'member'; identity: Identity; damage: readonly string[] }
  /** It had joined, and no copy is whole: what it holds can be believed and run as long as there is the trust for it. */
  | { kind: 'lost'; trust?: Trust }
  | { kind: 'none' }

const FIRST = 'identity.json'
const SECOND = 'identity.copy.json'
const TRUST = 'trust.json'

/** For people, in one line: what has happened, and what to do. */
export const lostIdentity = ({ trust }: { trust?: Trust }): string =>
  trust
    ? `both copies are damaged or gone: what node ${trust.nodeName} was told to run goes on, without a link`
    : 'it is damaged, and so is what says whose word to take: nothing can run'

export const howToRejoin = ({ trust }: { trust?: Trust }): string =>
  `stop the agent and run \`holdfast-agent join <token>${trust ? '' : ' --node-name <the name that it had>'}\`: it becomes the same node again; \`holdfast token create\` makes a token`

/** Changes nothing. */
export function readIdentity(dir: string): FoundIdentity {
  const { first, second, trust } = readAll(dir)
  // Without a checksum, as older agents wrote it: it counts when nothing better is there.
  const old = (first.value ?? second.value) ? undefined : plainIdentity(first.bytes)
  const identity = first.value ?? second.value ?? old
  if (identity) return { kind: 'member', identity, damage: old ? [] : damageOf({ first, second, trust }) }
  if (trust.value) return { kind: 'lost', trust: trust.value }
  return [first, second, trust].every(({ state }) => state === 'gone') ? { kind: 'none' } : { kind: 'lost' }
}

/** On the disk when it returns, whatever was there before. */
export function saveIdentity(dir: string, identity: Identity): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  for (const [name, bytes] of filesOf(identity)) writeDurably(join(dir, name), bytes)
}

/** Makes all three files say this; what was damaged is set aside for people to look at. Writes nothing when they do. */
export function healIdentity(dir: string, identity: Identity): void {
  for (const [name, bytes] of filesOf(identity)) {
    const file = join(dir, name)
    const copy = readCopy(file, name === TRUST ? trustSchema : identitySchema)
    if (copy.bytes?.equals(bytes)) continue
    if (copy.state === 'damaged' && !plainIdentity(copy.bytes)) setAside(file)
    writeDurably(file, bytes)
  }
}

const filesOf = (identity: Identity): readonly (readonly [string, Buffer])[] => [
  [FIRST, sealed(v.parse(identitySchema, identity))],
  [SECOND, sealed(v.parse(identitySchema, identity))],
  [TRUST, sealed(v.parse(trustSchema, identity))],
]

interface Copy<T> {
  state: 'whole' | 'damaged' | 'gone'
  bytes?: Buffer
  value?: T
}

const readAll = (dir: string) => ({
  first: readCopy(join(dir, FIRST), identitySchema),
  second: readCopy(join(dir, SECOND), identitySchema),
  trust: readCopy(join(dir, TRUST), trustSchema),
})

function readCopy<S extends v.GenericSchema>(file: string, schema: S): Copy<v.InferOutput<S>> {
  const bytes = readUnlessBroken(file)
  if (bytes === undefined) return { state: 'gone' }
  if (bytes === 'broken') return { state: 'damaged' }
  const parsed = v.safeParse(schema, unsealed(bytes))
  return parsed.success ? { state: 'whole', bytes, value: parsed.output } : { state: 'damaged', bytes }
}

/** A bad block is damage as any other; that this user may not read it is not. */
function readUnlessBroken(file: string): Buffer | 'broken' | undefined {
  try {
    return readIfThere(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')) throw error
    return 'broken'
  }
}

function plainIdentity(bytes: Buffer | undefined): Identity | undefined {
  try {
    const parsed = v.safeParse(identitySchema, JSON.parse(bytes?.toString('utf8') ?? ''))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined // no JSON: then it is damaged
  }
}

function damageOf(copies: ReturnType<typeof readAll>): string[] {
  const names = {
    first: 'the identity',
    second: 'the second copy of the identity',
    trust: 'the file of trust',
  } as const
  return (['first', 'second', 'trust'] as const).flatMap((which) => {
    const { state } = copies[which]
    return state === 'whole' ? [] : [`${names[which]} was ${state}`]
  })
}
