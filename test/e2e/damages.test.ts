// damages.test.ts - a real agent is killed, one of its files harmed, and started again, dozens of times: what runs never ends
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { cacheFolder } from '../../agent/cache/disk.ts'
import { STATE_ANNOTATION } from '../../hub/fleet/node-status.ts'
import type { Event, Node, Pod } from '../../shared/kinds/object.ts'
import { DAMAGES, DATABASE, type Damage } from '../support/damages.ts'
import { eventually } from '../support/eventually.ts'
import { IDENTITY_DAMAGES, LOSSES } from '../support/identity-damages.ts'
import { startPlainDevice, type PlainDevice } from '../support/plain-device.ts'
import { FOR_EVER, isReady, podManifest, shell } from './desk.ts'

const TIMEOUT_MS = 300_000
const WITHIN_MS = 20_000
/** Each look is work for the hub, on a machine that starts programs meanwhile. */
const LOOK_EVERY_MS = 50

/** What a real device with a hub does not have, or what would be another story. */
const NOT_HERE: Readonly<Record<string, string>> = {
  'bit flipped in one journal entry': 'the hub has read the journal: it is empty',
  'bit flipped in one history': 'nothing here has a past',
  'signed copy older': 'only the hub can sign one',
  'mark newer than everything else': 'the hub takes itself for one that was restored from a backup',
  // To a process these are others over again, and each costs a second.
  'bit flipped early in the log': 'log deleted',
  'page of the schema zeroed': 'first page torn',
  'file replaced by something else': 'header zeroed',
  'column missing': 'table dropped',
  'signed copy emptied': 'signed copy forged',
  'identity: bit flipped in the checksum': 'bit flipped in the key',
  'identity: zeroed': 'emptied',
  'identity: truncated second copy': 'removed second copy',
}
const isHere = ([what]: [string, unknown]) => !(what in NOT_HERE)

interface Case {
  harm: (device: PlainDevice) => void
  isTold: boolean
  aside?: RegExp
}

const cacheOf = ({ agent }: PlainDevice) => cacheFolder(agent.dataDir)

/** As if the power had gone right after SQLite had written its log back. */
function foldLog(cache: string): void {
  const sqlite = new Sqlite(join(cache, DATABASE))
  sqlite.pragma('wal_checkpoint(TRUNCATE)')
  sqlite.close()
}

function caseOf({ after, harm, silent, aside }: Damage): Case {
  return {
    harm(device) {
      if (after === 'stop') foldLog(cacheOf(device))
      harm(cacheOf(device))
    },
    isTold: !silent,
    ...(aside && { aside }),
  }
}

/** Those that need a full log come first: the file was just made anew each time, and everything is still in its log. */
const ofTheCache = Object.entries(DAMAGES)
  .filter(isHere)
  .toSorted(([, a], [, b]) => Number(a.after === 'stop') - Number(b.after === 'stop'))
  .map(([what, damage]): [string, Case] => [what, caseOf(damage)])
const ofTheIdentity = Object.entries(IDENTITY_DAMAGES)
  .filter(isHere)
  .map(([what, { harm, says, aside }]): [string, Case] => [
    what,
    { harm: ({ agent }) => harm(agent.dataDir), isTold: says !== undefined, ...(aside && { aside }) },
  ])

const web = (name: string) => podManifest(name, shell(FOR_EVER), { runtimeClassName: 'process' })

async function run({ api }: PlainDevice, name: string): Promise<void> {
  await api.apply(web(name))
  await until(async () => isReady(await podCalled(api, name)))
}

const podCalled = async (api: PlainDevice['api'], name: string): Promise<Pod> =>
  api.get(`/api/v1/namespaces/default/pods/${name}`)

/** How often the hub has heard of a damage. */
async function told({ api }: PlainDevice): Promise<number> {
  const { items }: { items: Event[] } = await api.get('/api/v1/events?fieldSelector=reason=StoreRebuilt')
  return items.reduce((sum, { count }) => sum + (count ?? 1), 0)
}

const nodeOf = async ({ api, agent }: PlainDevice): Promise<Node> => api.get(`/api/v1/nodes/${agent.nodeName}`)
const conditionOf = ({ status }: Node, type: string) => status?.conditions?.find((one) => one.type === type)?.status
const isOnline = ({ metadata: { annotations } }: Node) => annotations?.[STATE_ANNOTATION] === 'Online'

const until = (check: () => Promise<boolean>) => eventually(check, WITHIN_MS, LOOK_EVERY_MS)
const untilReady = (device: PlainDevice) =>
  until(async () => {
    const node = await nodeOf(device)
    return isOnline(node) && conditionOf(node, 'Ready') === 'True'
  })
/** The hub has seen the link break: what it says of the node from now on is of the next process. */
async function kill9(device: PlainDevice): Promise<void> {
  await device.agent.kill9()
  await until(async () => !isOnline(await nodeOf(device)))
}

const asideIn = (device: PlainDevice) =>
  [cacheOf(device), device.agent.dataDir].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.includes('.damaged-'))
      .map((name) => ({ name, path: join(folder, name) })),
  )

async function survive(t: Test, device: PlainDevice, { harm, isTold, aside }: Case): Promise<void> {
  const { agent, running } = device
  const [processes, toldBefore] = [running(), await told(device)]
  t.equal(processes.length, 1)
  await kill9(device)
  for (const { path } of asideIn(device)) rmSync(path)
  harm(device)
  await agent.restart()
  await untilReady(device)
  if (isTold) await until(async () => (await told(device)) > toldBefore)
  t.equal(await told(device), toldBefore + (isTold ? 1 : 0), isTold ? 'told once' : 'nothing to tell')
  t.same(running(), processes, 'the same process runs')
  const names = asideIn(device).map(({ name }) => name)
  if (aside)
    t.ok(
      names.some((name) => aside.test(name)),
      `set aside: ${names.join(', ')}`,
    )
  else if (!isTold) t.same(names, [])
}

void t.test('A device survives every damage to its files, one after the other', { timeout: TIMEOUT_MS }, async (t) => {
  const device = await startPlainDevice(t)
  const { api, running } = device
  await run(device, 'web')
  const before = running()
  const cases = [...ofTheCache, ...ofTheIdentity]
  t.ok(cases.length >= 24)
  for (const [what, one] of cases) await t.test(what, (t) => survive(t, device, one))
  t.same(running(), before, 'after all of them it is the same process')
  t.equal((await podCalled(api, 'web')).status?.containerStatuses?.[0]?.restartCount, 0)
  await until(async () => conditionOf(await nodeOf(device), 'StoreRebuilt') === 'False')
  await run(device, 'next')
  t.equal(running().length, 2, 'and what is new is obeyed')
})

void t.test(
  'A device without a whole copy of its identity runs what it held, says what to do, and joins as the same node',
  { timeout: TIMEOUT_MS },
  async (t) => {
    const device = await startPlainDevice(t)
    const { agent, api, hub, running } = device
    await run(device, 'web')
    const before = running()
    await kill9(device)
    LOSSES['both copies emptied']?.(agent.dataDir)
    await agent.restart()
    t.match(agent.logs(), /this device has lost its identity and must join again.*holdfast-agent join <token>/)
    t.same(running(), before, 'the same process runs')
    await agent.kill9()
    for (const one of before) process.kill(-Number(one.split(' ')[0]), 'SIGKILL')
    // As after a power cut.
    await until(async () => running().length === 0)
    await agent.restart()
    await until(async () => running().length === 1)
    const { code, stdout } = await agent.run(['doctor'])
    t.equal(code, 1)
    t.match(
      stdout,
      /FAIL {2}the identity of this device: both copies .*node plain-1 .* goes on.*\n.*holdfast-agent join/,
    )
    t.match(stdout, /away since .* \(this device has lost its identity\)/)

    const started = running()
    await agent.rejoin(await hub.token())
    await untilReady(device)
    t.same(running(), started, 'the same process runs')
    t.equal((await api.get('/api/v1/nodes')).items.length, 1)
    t.match((await agent.run(['doctor'])).stdout, /PASS {2}the identity of this device: node plain-1 of/)
  },
)
