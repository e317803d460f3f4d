// memory-folders.ts - what an agent keeps in memory outlives it, as it should; a test that is done with the device takes it away
import { rmSync } from 'node:fs'
import { fenceFolder } from '../../agent/fence/fence-process.ts'
import { findMemoryDir } from '../../agent/reconcile/volumes.ts'

export function removeMemoryFolders(dataDir: string): void {
  for (const folder of [fenceFolder(dataDir), findMemoryDir(dataDir)])
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}
