// restore-command.ts - `holdfast-hub restore`: puts a backup in place and says what comes next
import { join } from 'node:path'
import { noteRestored, REVOCATIONS_FILE } from './fleet/revocations.ts'
import { restoreSqlite } from './store/sqlite-restore.ts'

export function restoreCommand(dataDir: string, backup: string): string {
  const { meta, objects, asidePath } = restoreSqlite(join(dataDir, 'hub.db'), backup)
  const isKept = noteRestored(join(dataDir, REVOCATIONS_FILE), meta.epoch)
  const lines = [
    `restored ${objects} objects from ${backup}: epoch ${meta.epoch}, revision ${meta.revision}`,
    ...(asidePath ? [`what was there before is kept as ${asidePath}`] : []),
    isKept
      ? 'devices that were removed after the backup stay locked out: their keys are kept beside the store'
      : 'devices that were removed after the backup are let in again, this folder does not know them: remove them again',
    'Start the hub now. Nothing that runs on the devices is stopped: what the backup does not know of is shown as',
    '"Unknown to the hub" by `kubectl get pods -A` and `holdfast recover`, and runs on until you decide.',
  ]
  return `${lines.join('\n')}\n`
}
