// rebalance.ts - `holdfast rebalance`: moves pods to devices that have fewer of them, one at a time, by evictions that budgets may refuse
import { sleep, type Clock } from '../../shared/clock.ts'
import type { Node, Pod } from '../../shared/kinds/object.ts'
import { outcomeOf, uidsOf, type Outcome } from '../../shared/rebalance-outcome.ts'
import { planRebalance, type Move, type RebalanceView } from '../../shared/rebalance.ts'
import { CliError } from './cli-error.ts'
import { ApiError, type Client } from './client.ts'

export interface RebalanceDeps {
  client: Client
  clock: Clock
  print(line: string): void
}

export interface RebalanceFlags {
  dryRun: boolean
  max: number
  deleteEmptydirData: boolean
}

const POLL_EVERY_MS = 1_000
/** A device that pulls a large image over a thin link; after that a person should look. */
const MOVE_WITHIN_MS = 10 * 60_000
const CAME_BACK = 'the scheduler brings its pods back to where they were'

export async function rebalance(deps: RebalanceDeps, flags: RebalanceFlags): Promise<void> {
  const { print } = deps
  const skip = new Map<string, string>()
  const options = { emptyDirs: flags.deleteEmptydirData, skip }
  const plan = planRebalance(await look(deps.client), { ...options, max: flags.max })
  if (flags.dryRun || plan.moves.length === 0) {
    for (const { namespace, pod, from, to, why } of plan.moves)
      print(`would move ${namespace}/${pod} from ${from} to ${to}: ${why}`)
    for (const line of plan.kept) print(line)
    return print(plan.moves.length === 0 ? 'nothing to move' : `${plan.moves.length} to move; nothing was done`)
  }
  let moved = 0
  for (let left = flags.max; left > 0; left--) {
    // Planned anew after each move: the fleet is never quite what it was.
    const [next] = planRebalance(await look(deps.client), { ...options, max: 1 }).moves
    if (!next) break
    const why = await moveOne(deps, next)
    if (why === undefined) moved++
    else {
      skip.set(next.groupUid, why)
      print(`${next.namespace}/${next.pod} is left alone: ${why}`)
    }
  }
  print(`${moved} moved`)
}

/** Undefined when it moved, or why nothing more of its group is to be moved. */
async function moveOne({ client, clock, print }: RebalanceDeps, move: Move): Promise<string | undefined> {
  print(`moving ${move.namespace}/${move.pod} from ${move.from}: ${move.why}`)
  const before = uidsOf((await look(client)).pods, move.groupUid)
  try {
    await evict(client, move)
  } catch (error) {
    if (error instanceof ApiError && [404, 409, 429].includes(error.code)) return error.message
    throw error
  }
  const endMs = clock.monoMs() + MOVE_WITHIN_MS
  let outcome: Outcome = 'under way'
  while (outcome === 'under way') {
    if (clock.monoMs() > endMs)
      throw new CliError(
        `what replaces ${move.namespace}/${move.pod} is not ready after ${MOVE_WITHIN_MS / 60_000} minutes; see: holdfast status`,
      )
    await sleep(clock, POLL_EVERY_MS)
    outcome = outcomeOf(move, before, (await look(client)).pods)
  }
  return outcome === 'came back' ? CAME_BACK : undefined
}

const evict = (client: Client, { namespace, pod: name, podUid: uid }: Move) =>
  client.send('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  })

async function look(client: Client): Promise<RebalanceView> {
  const [nodes, pods] = await Promise.all([
    client.get<{ items: readonly Node[] }>('/api/v1/nodes'),
    client.get<{ items: readonly Pod[] }>('/api/v1/pods'),
  ])
  return { nodes: nodes.items, pods: pods.items }
}
