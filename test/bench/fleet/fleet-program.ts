// fleet-program.ts - the process of a simulated fleet: it has its own processor time and file handles, so the hub's are the hub's
import * as v from 'valibot'
import type { Identity } from '../../../agent/link/identity.ts'
import type { Link } from '../../../agent/link/link.ts'
import { parseJoinToken } from '../../../shared/protocol/join-token.ts'
import { order, type Answer, type Order } from './fleet-messages.ts'
import { createSimulatedDevice, enrolDevice } from './simulated-device.ts'

/** As many as the hub enrols at once without a queue that hides what one costs. */
const ENROLS_AT_ONCE = 8
/** Below what the hub takes from one address in one go. */
const PER_ADDRESS = 200
const identities: Identity[] = []
let links: readonly Link[] = []

async function enrol(text: string, count: number): Promise<void> {
  const token = parseJoinToken(text)
  if (!token) throw new Error('this is no join token')
  const numbers = Array.from({ length: count }, (_, at) => at).values()
  const worker = async () => {
    for (const at of numbers) {
      const name = `sim-${String(at).padStart(5, '0')}`
      identities.push(await enrolDevice(token, name, `127.0.0.${2 + Math.floor(at / PER_ADDRESS)}`))
    }
  }
  await Promise.all(Array.from({ length: ENROLS_AT_ONCE }, worker))
}

async function obey(message: Order): Promise<void> {
  if (message.do === 'enrol') await enrol(message.token, message.count)
  if (message.do === 'connect') {
    links = identities.map(createSimulatedDevice)
    for (const link of links) await link.start()
  }
}

const say = (answer: Answer) => process.send?.(answer)
const online = () => links.filter((link) => link.state().link === 'online').length

process.on('message', (raw) => {
  obey(v.parse(order, raw)).then(
    () => say({ online: online() }),
    (error: unknown) => say({ online: online(), failure: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
