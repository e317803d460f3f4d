// user.ts - somebody who changes what is wanted at any moment, and remembers what the hub has acknowledged
import { ApiError, type Client } from '../../hub/cli/client.ts'
import type { Deployment, Pod } from '../../shared/kinds/object.ts'
import type { Chance } from '../sim/chance.ts'
import { appsFor, firstShape, manifestOf, reshape, singletonManifest, WISH, type App, type Shape } from './apps.ts'

export interface User {
  /** The first of everything; the hub must be there. */
  begin(singletonFile: string): Promise<void>
  /** One random thing; answers in words what. */
  act(): Promise<string>
  /** What was not acknowledged is said again. */
  insist(): Promise<void>
  /** What the hub has that nobody has said last, or undefined. */
  forgotten(): Promise<string | undefined>
  /** Apps that were changed since this was asked last. */
  takeTouched(): Set<string>
}

interface Wish {
  number: number
  /** Undefined: it is to be gone. */
  shape: Shape | undefined
}

interface Memory {
  app: App
  acknowledged: Wish
  /** Said since, of which nobody knows whether they were heard. */
  attempted: Wish[]
}

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const PODS = '/api/v1/namespaces/default/pods'

export function createUser(deps: { client: Client; chance: Chance; hasEngine: boolean }): User {
  const { client, chance } = deps
  const memories: Memory[] = appsFor(deps.hasEngine).map((app) => ({
    app,
    acknowledged: { number: 0, shape: undefined },
    attempted: [],
  }))
  let touched = new Set<string>()
  let wishes = 0

  const apply = (name: string, manifest: object) =>
    client.send(
      'PATCH',
      `${DEPLOYMENTS}/${name}?fieldManager=chaos&force=true`,
      manifest,
      'application/apply-patch+yaml',
    )

  async function say(memory: Memory, shape: Shape | undefined): Promise<string> {
    const { app } = memory
    const wish = { number: ++wishes, shape }
    memory.attempted.push(wish)
    touched.add(app.name)
    const outcome = await heard(() =>
      shape
        ? apply(app.name, manifestOf(app, shape, wish.number))
        : unlessGone(client.send('DELETE', `${DEPLOYMENTS}/${app.name}`, {})),
    )
    if (outcome === 'acknowledged') Object.assign(memory, { acknowledged: wish, attempted: [] })
    return `${app.name}: ${shape ? JSON.stringify(shape) : 'deleted'}, ${outcome}`
  }

  async function deletePod(): Promise<string> {
    let name = 'none'
    const outcome = await heard(async () => {
      const { items } = await client.get<{ items: Pod[] }>(PODS)
      if (items.length === 0) return
      const pod = chance.pick(items)
      name = pod.metadata.name
      touched.add(pod.metadata.labels?.['app'] ?? '')
      await unlessGone(client.send('DELETE', `${PODS}/${name}`, {}))
    })
    return `pod ${name} deleted, ${outcome}`
  }

  const current = ({ acknowledged, attempted }: Memory) => attempted.at(-1) ?? acknowledged

  return {
    async begin(singletonFile) {
      for (const memory of memories) await say(memory, firstShape)
      await apply('once', singletonManifest(singletonFile))
    },
    act() {
      if (chance.is(0.2)) return deletePod()
      const memory = chance.pick(memories)
      const { shape } = current(memory)
      return say(memory, shape && chance.is(0.1) ? undefined : reshape(shape ?? firstShape, chance))
    },
    async insist() {
      for (const memory of memories) if (memory.attempted.length > 0) await say(memory, current(memory).shape)
      const left = memories.filter(({ attempted }) => attempted.length > 0)
      if (left.length > 0) throw new Error(`the hub does not take: ${left.map(({ app }) => app.name).join(', ')}`)
    },
    async forgotten() {
      const { items } = await client.get<{ items: Deployment[] }>(DEPLOYMENTS)
      for (const { app, acknowledged, attempted } of memories) {
        const seen = items.find(({ metadata }) => metadata.name === app.name)?.metadata.annotations?.[WISH] ?? 'none'
        const allowed = [acknowledged, ...attempted].map(({ number, shape }) => (shape ? String(number) : 'none'))
        if (!allowed.includes(seen)) return `deployment ${app.name} is wish ${seen}, not ${allowed.join(' or ')}`
      }
      return undefined
    },
    takeTouched() {
      const taken = touched
      touched = new Set()
      return taken
    },
  }
}

/** A hub that is away or has just died is no surprise; one that refuses is. */
async function heard(request: () => Promise<unknown>): Promise<'acknowledged' | 'not acknowledged'> {
  try {
    await request()
    return 'acknowledged'
  } catch (error) {
    if (error instanceof ApiError && error.code < 500 && error.code !== 429) throw error
    return 'not acknowledged'
  }
}

const unlessGone = (request: Promise<unknown>) =>
  request.catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.code !== 404) throw error
  })
