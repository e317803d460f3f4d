// check-past.ts - what this device holds and what has happened to it, from the files that the agent keeps; changes nothing
import { readdirSync } from 'node:fs'
import { rfc3339 } from '../../shared/clock.ts'
import { humanDuration } from '../../shared/human-duration.ts'
import { silentLog } from '../../shared/log.ts'
import { cacheFolder, createFileDisk } from '../cache/disk.ts'
import { readMark, type Mark } from '../cache/mark.ts'
import { ownerOf, type Trust } from '../link/identity.ts'
import { createKeyRing, keySetFile } from '../link/key-ring.ts'
import { CAUSES, WORRYING, type Cause } from '../link/message-trouble.ts'
import { parseRecord, RECORD_KEY, type LinkRecord } from '../link/record.ts'
import { messageOf, note, pass, type Check } from './check.ts'
import { isOpenSomewhere } from './open-file.ts'

export interface PastDeps {
  identity: Trust
  dataDir: string
  nowMs: number
}

const CAUSE_IN_WORDS: Record<Cause, string> = {
  replayed: 'replayed',
  older: 'older',
  conflicting: 'of the same number with other bytes',
  foreign: 'for another node',
  forged: 'forged',
  truncated: 'truncated',
  nonsense: 'signed and without sense',
}

export function checkPast({ identity, dataDir, nowMs }: PastDeps): Check[] {
  const folder = cacheFolder(dataDir)
  const mark = markIn(folder, identity)
  if ('result' in mark) return [mark]
  const record = parseRecord(mark.values[RECORD_KEY])
  const isRunning = isOpenSomewhere(`${folder}/agent.sqlite`)
  return [
    isRunning
      ? pass('the agent', 'it runs')
      : note('the agent', 'it does not run', 'start it: systemctl start holdfast-agent'),
    checkHeld(mark, keyVersion(identity, dataDir), nowMs),
    checkContact(record, isRunning, nowMs),
    checkRefused(record, nowMs),
    checkStore(mark, damagedFilesIn(folder), nowMs),
  ]
}

function markIn(folder: string, identity: Trust): Mark | Check {
  const name = 'what the agent has noted'
  try {
    const found = readMark(createFileDisk(folder), ownerOf(identity))
    if (found.kind === 'good') return found.mark
    if (found.kind === 'none') return note(name, 'nothing yet: it has not run since it joined')
    return note(name, found.why, 'it is made anew when the agent starts; what was counted is lost')
  } catch (error) {
    return note(name, messageOf(error), 'run this as the user that the agent runs as')
  }
}

const keyVersion = (identity: Trust, dataDir: string) =>
  createKeyRing({ identity, log: silentLog, file: keySetFile(dataDir) }).version()

function checkHeld({ epoch, revision, heldAtMs }: Mark, version: number | undefined, nowMs: number): Check {
  const name = 'what this device was told to run'
  const keys = version === undefined ? 'no root key: a rotation of keys needs a new join' : `keys of version ${version}`
  if (epoch === 0) return note(name, `nothing yet; ${keys}`)
  return pass(
    name,
    `epoch ${epoch}, revision ${revision}${heldAtMs ? `, since ${when(heldAtMs, nowMs)}` : ''}; ${keys}`,
  )
}

function checkContact(record: LinkRecord | undefined, isRunning: boolean, nowMs: number): Check {
  const name = 'contact with the hub'
  const heard = record?.heardAtMs === undefined ? 'never heard' : `last heard ${when(record.heardAtMs, nowMs)}`
  if (!record?.link) return note(name, heard)
  const { isOnline, sinceMs, reason } = record.link
  if (isOnline && isRunning) return pass(name, `connected since ${when(sinceMs, nowMs)}`)
  if (isOnline) return note(name, `${heard}, then the agent ended`)
  return note(
    name,
    `away since ${when(sinceMs, nowMs)} (${reason?.message ?? 'no reason was given'}); ${heard}`,
    mendOf(reason),
  )
}

function mendOf(reason: NonNullable<LinkRecord['link']>['reason']): string | undefined {
  if (reason?.kind === 'identity')
    return 'the hub does not know this device any more: `holdfast-agent purge`, then join with a new token'
  if (reason?.kind === 'duplicate')
    return 'another device shows the same identity, such as a copied card: purge and join anew on one of them'
  return undefined
}

function checkRefused(record: LinkRecord | undefined, nowMs: number): Check {
  const name = 'messages that changed nothing'
  const refused = record?.refused ?? {}
  const counted = CAUSES.filter((cause) => refused[cause])
  if (counted.length === 0) return pass(name, 'none')
  const said = counted.map((cause) => `${refused[cause]} ${CAUSE_IN_WORDS[cause]}`).join(', ')
  const last = record?.refusedAtMs === undefined ? '' : `; the last ${when(record.refusedAtMs, nowMs)}`
  const isWorrying = counted.some((cause) => WORRYING.includes(cause))
  if (!isWorrying) return pass(name, `${said}: a network that repeats${last}`)
  return note(name, `${said}${last}`, 'what stands between hub and device, or the broker, alters or invents messages')
}

function checkStore({ rebuilt, rebuilds }: Mark, damaged: readonly string[], nowMs: number): Check {
  const name = "the agent's store"
  const last = rebuilt ?? rebuilds
  if (!last) return pass(name, 'never damaged')
  const times = rebuilds?.times ?? 1
  const confirmed = rebuilt ? '; the hub has not confirmed yet what is held' : ''
  const files = damaged.length > 0 ? `; set aside: ${damaged.join(', ')}` : ''
  const mend = times > 1 ? 'a card that does this again wears out: replace it' : undefined
  return note(
    name,
    `made anew ${times === 1 ? 'once' : `${times} times`}, the last ${when(last.atMs, nowMs)}: ${last.why}${confirmed}${files}`,
    mend,
  )
}

const damagedFilesIn = (folder: string) => readdirSync(folder).filter((file) => /\.damaged-\d+$/.test(file))

/** A device's clock may have been wrong then, or be wrong now. */
function when(atMs: number, nowMs: number): string {
  const age = atMs <= nowMs ? `${humanDuration(nowMs - atMs)} ago` : 'in the future of its clock'
  return `${rfc3339(atMs)} (${age})`
}
