// runtime-contract.ts - what every runtime must do: one suite for the fake, plain processes and container engines
import type { Test } from 'tap'
import { randomUUID } from 'node:crypto'
import type { RuntimeEvent } from '../../agent/runtime/runtime.ts'
import { containerSpec, type SpecChange } from '../support/container-spec.ts'
import { eventually } from '../support/eventually.ts'
import type { Check, Contract, Harness } from './harness.ts'
import { imageContract } from './image-contract.ts'
import { lifeContract } from './life-contract.ts'
import { messageContract } from './message-contract.ts'
import { networkContract } from './network-contract.ts'
import { scripts, type Program } from './programs.ts'
import { streamContract } from './stream-contract.ts'

type ContractPart = () => Record<string, Check>

const PARTS: readonly ContractPart[] = [lifeContract, messageContract, streamContract, imageContract, networkContract]

export async function runtimeContract(t: Test, name: string, open: () => Promise<Harness>): Promise<void> {
  const harness = await open()
  t.teardown(() => harness.close())
  const lacking = Object.entries(harness.capabilities).flatMap(([capability, has]) => (has ? [] : [capability]))
  t.comment(`${name} lacks: ${lacking.join(', ') || 'nothing'}`)
  for (const [title, { needs, run }] of PARTS.flatMap((part) => Object.entries(part()))) {
    if (needs && !harness.capabilities[needs]) continue
    await t.test(`${name}: ${title}`, async (t) => run(t, await openContract(t, harness)))
  }
}

async function openContract(t: Test, harness: Harness): Promise<Contract> {
  const runtime = await harness.open()
  const events: RuntimeEvent[] = []
  const podUid = randomUUID()
  runtime.onEvent((event) => events.push(event))
  await runtime.start()
  t.teardown(async () => {
    const mine = (await runtime.list()).filter(({ identity }) => identity.podUid === podUid)
    // Those that use a sandbox's network go before it.
    mine.sort((one, other) => Number(one.identity.role === 'sandbox') - Number(other.identity.role === 'sandbox'))
    for (const { id } of mine) await runtime.removeContainer(id, { force: true })
    await runtime.stop()
  })
  const spec = (program: Program, change: SpecChange = {}) =>
    containerSpec({
      image: harness.image,
      command: ['sh', '-c', scripts[program]],
      ...change,
      identity: { podUid, pod: podUid.slice(0, 8), ...change.identity },
    })
  const create = (program: Program, change?: SpecChange) => runtime.createContainer(spec(program, change))
  return {
    harness,
    runtime,
    events,
    spec,
    create,
    async run(program, change) {
      const id = await create(program, change)
      await runtime.startContainer(id)
      return id
    },
    async untilExited(id) {
      await eventually(async () => (await runtime.inspect(id))?.state === 'exited')
    },
  }
}
