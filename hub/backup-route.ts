// backup-route.ts - hands an administrator a copy of the store, taken while the hub runs
import { createReadStream, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BACKUP_PATH } from '../shared/protocol/hub-info.ts'
import type { Log } from '../shared/log.ts'
import { methodNotAllowed } from '../shared/kinds/status-error.ts'
import type { Random } from '../shared/random.ts'
import type { Access, PlainRoute } from './api/extension.ts'

export interface BackupRouteDeps {
  access: Access
  /** Copies the store, whole and as of one moment, to a new file. */
  backup(path: string): Promise<void>
  dataDir: string
  random: Random
  log: Log
}

export function createBackupRoute({ access, backup, dataDir, random, log }: BackupRouteDeps): PlainRoute {
  return {
    path: BACKUP_PATH,
    permission: 'own check',
    async handle(request, response) {
      const user = await access.authenticate(request)
      // All secrets are in it: not even those who may read every path get it.
      access.authorize(user, { verb: 'post', group: '', resource: '', path: BACKUP_PATH })
      if (request.method !== 'POST') throw methodNotAllowed()
      const path = join(dataDir, `backup-${random.uuid()}.tmp`)
      try {
        await backup(path)
        response.writeHead(200, { 'content-type': 'application/vnd.sqlite3', 'content-length': statSync(path).size })
        await pipeline(createReadStream(path), response)
        log.info({ user: user.name }, 'a backup of the store was handed out')
      } finally {
        rmSync(path, { force: true })
      }
    },
  }
}
