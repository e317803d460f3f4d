// backup.ts - `holdfast backup`: a copy of the hub's store in a file, taken while the hub runs
import { createWriteStream, renameSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { BACKUP_PATH } from '../../shared/protocol/hub-info.ts'
import { CliError } from './cli-error.ts'
import type { HubAccess } from './kubeconfig-file.ts'

/** Answers how many bytes it has. What was there under this name is replaced only by a whole copy. */
export async function downloadBackup(access: HubAccess, file: string): Promise<number> {
  const answer = await ask(access)
  if (answer.statusCode !== 200) throw new CliError(`the hub says: ${await refusalOf(answer)}`)
  const part = `${file}.part`
  try {
    const target = createWriteStream(part, { mode: 0o600, flush: true })
    await pipeline(answer, target)
    const expected = Number(answer.headers['content-length'])
    if (target.bytesWritten !== expected)
      throw new CliError(`the copy broke off after ${target.bytesWritten} of ${expected} bytes`)
    renameSync(part, file)
    return target.bytesWritten
  } finally {
    rmSync(part, { force: true })
  }
}

function ask({ server, token, caPem }: HubAccess): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(BACKUP_PATH, server),
      { method: 'POST', ca: caPem, headers: { authorization: `Bearer ${token}`, 'user-agent': 'holdfast' } },
      resolve,
    )
    outgoing.on('error', (error) => reject(new CliError(`cannot reach the hub at ${server}: ${error.message}`)))
    outgoing.end()
  })
}

const REFUSAL_CHARACTERS_MAX = 300

async function refusalOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(Buffer.from(chunk))
  const text = Buffer.concat(chunks).toString()
  return (/"message":"([^"]*)"/.exec(text)?.[1] ?? `${answer.statusCode} ${text}`).slice(0, REFUSAL_CHARACTERS_MAX)
}
