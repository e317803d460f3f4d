// join.ts - `holdfast-agent join <token>`: checks everything first, says what to mend, then enrols
import type { Clock } from '../../shared/clock.ts'
import { parseJoinToken, type JoinToken } from '../../shared/protocol/join-token.ts'
import type { NodeFacts } from '../../shared/protocol/messages.ts'
import { isCaOf, join } from '../link/enrol-client.ts'
import type { Identity, Trust } from '../link/identity.ts'
import { readIdentity } from '../link/identity-files.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { printCheck, type Check } from './check.ts'
import { checkDisk, checkRuntimes } from './check-device.ts'
import { checkAddress, checkAuthority, checkClock, checkJoinToken, fitsToken, type Transport } from './check-hub.ts'

export interface JoinCommand {
  text: string
  dataDir: string
  nodeName: string
  transport: Transport
  runtimes: readonly Runtime[]
  facts: NodeFacts
  clock: Clock
  print(text: string): void
}

export async function joinCommand(command: JoinCommand): Promise<Identity> {
  const { dataDir, facts, print } = command
  const found = readIdentity(dataDir)
  if (found.kind === 'member') {
    const { nodeName: name, hub } = found.identity
    throw new Error(
      `this device is node ${name} of the hub at ${hub.host} already; to join another, run \`holdfast-agent purge\` first`,
    )
  }
  const token = parseJoinToken(command.text)
  if (!token)
    throw new Error(
      'this is not a whole join token: copy the one line that `holdfast token create` printed, beginning with hf1.',
    )
  const lost = found.kind === 'lost' ? found.trust : undefined
  if (lost) demandSame(lost, token, command.nodeName)
  const nodeName = command.nodeName || lost?.nodeName
  const local = [...(await checkRuntimes(command.runtimes)), await checkDisk(dataDir)]
  const remote = await checkHub(token, command)
  for (const check of [...remote, ...local]) print(printCheck(check))
  if (remote.some(isFailure) || local.some(isFailure))
    throw new Error('not joined: mend what failed above and run the same command again')
  const identity = await join({ token, dir: dataDir, facts, ...(nodeName && { nodeName }) })
  print(`This device is now node ${identity.nodeName}.\n`)
  return identity
}

/** It runs what it holds: as another node it would leave that running for ever, and nobody would know of it. */
function demandSame({ nodeName, ca }: Trust, token: JoinToken, wanted: string): void {
  if (isCaOf(token, ca) && (wanted === '' || wanted === nodeName)) return
  throw new Error(
    `this device has lost its identity as node ${nodeName} and can only become that node of the same hub again; to be another, run \`holdfast-agent purge\` first`,
  )
}

const isFailure = ({ result }: Check) => result === 'FAIL'

/** One good address is enough; when none is, what went wrong with the first says most. */
async function checkHub(token: JoinToken, command: JoinCommand): Promise<Check[]> {
  let first: Check[] | undefined
  for (const address of token.addresses) {
    const checks = await checkOneAddress(address, token, command)
    if (!checks.some(isFailure)) return checks
    first ??= checks
  }
  return first ?? []
}

async function checkOneAddress(address: string, token: JoinToken, command: JoinCommand): Promise<Check[]> {
  const reach = await checkAddress(address)
  if (reach.some(isFailure)) return reach
  const authority = await checkAuthority(address, fitsToken(token))
  if (isFailure(authority)) return [...reach, authority]
  const taken = await checkJoinToken(address, token, command.transport)
  return [...reach, authority, ...taken, await checkClock(address, command.clock)]
}
