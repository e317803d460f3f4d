// process.test.ts - the driver for plain processes keeps the contract, on real processes
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createProcessRuntime } from '../../agent/runtime/process.ts'
import { systemClock } from '../../shared/clock.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { skipOffLinux } from '../support/require.ts'
import type { Harness } from './harness.ts'
import { runtimeContract } from './runtime-contract.ts'

void t.test('Plain processes keep the contract', { skip: skipOffLinux() ?? false }, (t) =>
  runtimeContract(t, 'process', async (): Promise<Harness> => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'))
    // As for volumes: another user gets there where the folders above let it.
    chmodSync(folder, 0o711)
    const open = async (root: string) =>
      createProcessRuntime({
        root,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        searchPath: process.env['PATH'] ?? '/usr/bin:/bin',
        nodePath: process.execPath,
      })
    return {
      capabilities: {
        images: false,
        separateStreams: false,
        exactLogTimes: false,
        stdin: false,
        programs: true,
        networks: false,
        users: process.getuid?.() === 0,
        foreigners: false,
        messageFiles: false,
        limits: false,
      },
      image: 'busybox',
      folder,
      open: () => open(join(folder, 'containers')),
      async openUnavailable() {
        writeFileSync(join(folder, 'a-file'), '')
        return open(join(folder, 'a-file'))
      },
      makeForeign: () => Promise.reject(new Error('nothing foreign can be here')),
      close: async () => rmSync(folder, { recursive: true, force: true }),
    }
  }),
)
