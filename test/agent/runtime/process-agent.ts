// process-agent.ts - starts one plain process, says its id, and waits to be killed: an agent for process-life.test.ts
import { createProcessRuntime } from '../../../agent/runtime/process.ts'
import { systemClock } from '../../../shared/clock.ts'
import { silentLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { containerSpec } from '../../support/container-spec.ts'

const runtime = createProcessRuntime({
  root: process.argv[2] ?? '',
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  searchPath: '/usr/bin:/bin',
  nodePath: process.execPath,
})
await runtime.start()
const id = await runtime.createContainer(
  containerSpec({ command: ['sh', '-c', 'echo before; sleep 1; echo after; exit 7'] }),
)
await runtime.startContainer(id)
process.stdout.write(`${id}\n`)
