// restore.ts - the hub's disk is lost and a backup that is a moment old takes its place, as its operator would do it
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runNode } from '../support/hub-process.ts'
import type { Run } from '../support/kubectl.ts'
import type { Fleet } from './fleet.ts'

const HUB = fileURLToPath(new URL('../../hub/main.js', import.meta.url))

/** What comes to be after the backup is lost. */
export async function restoreHub({ hub, dir }: Fleet): Promise<void> {
  const backup = join(dir, 'backup.db')
  demand(await hub.holdfast(['backup', backup]))
  await hub.kill9()
  demand(await runNode([HUB, 'restore', backup, '--data-dir', hub.dataDir], { PATH: process.env['PATH'] }))
  await hub.restart()
}

/** Pods of which the backup does not know: the restored hub has made others in their place. */
export const stopUnknown = async ({ hub }: Fleet): Promise<void> =>
  demand(await hub.holdfast(['recover', '--stop-all']))

function demand({ code, stdout, stderr }: Run): void {
  if (code !== 0) throw new Error(`the operator is told: ${stdout}${stderr}`)
}
