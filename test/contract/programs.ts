// programs.ts - the programs that the contract suite runs: a shell script for real runtimes, a behaviour for the fake
import { freePort } from '../support/free-port.ts'
import type { FakeBehaviour } from '../support/fake-container.ts'

/** Where `serves` listens: a plain process shares the ports of the machine, with other runs of this suite too. */
export const SERVED_PORT = await freePort()

/** Plain processes see their volumes below this folder; containers have no such variable. */
const ROOT = '${HOLDFAST_ROOT:-}'

/** Where a program leaves a word about its end unless the pod says otherwise. */
const MESSAGE = `${ROOT}/dev/termination-log`

export const scripts = {
  runs: 'echo started; trap "exit 0" TERM; while true; do sleep 0.1; done',
  ends: 'echo done; exit 0',
  fails: 'exit 3',
  endsSoon: 'echo first; sleep 0.3; echo second',
  ignoresTerm: 'trap "" TERM; echo started; while true; do sleep 0.1; done',
  leavesWord: `printf 'no database' > ${MESSAGE}; echo in the log; exit 3`,
  leavesMuch: `seq 1 3000 > ${MESSAGE}`,
  complains: 'seq 1 100; exit 3',
  complainsAtLength: 'seq 100001 100079; printf %02500d 7; exit 3',
  findsWord: `cat ${MESSAGE}; printf mine > ${MESSAGE}`,
  counts: 'seq 1 20',
  speaks: 'echo to-stdout; echo to-stderr >&2',
  showsEnv: 'echo "$GREETING"; pwd',
  readsVolume: `cat ${ROOT}/data/note; echo new > ${ROOT}/data/answer; echo x > ${ROOT}/scratch/file && echo scratch-ok`,
  showsUser: 'id -u; id -g',
  reads: 'read line; echo "got $line"; sleep 0.2',
  // Images have a busybox, plain processes have Node; neither needs the other one.
  serves: `command -v node && exec node -e "require('http').createServer().listen(${SERVED_PORT})"; exec busybox httpd -f -p ${SERVED_PORT}`,
  showsLimit: 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes',
  // A child, and a moment after it: an engine whose cgroup is gone when it looks does not hear of the kill at all.
  eatsMemory: 'busybox tail /dev/zero; code=$?; sleep 1; exit $code',
} as const

export type Program = keyof typeof scripts

const lines = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String(first + index))

export const behaviours: Partial<Record<Program, FakeBehaviour>> = {
  runs: { stdout: ['started'], exitCodeOnTerm: 0 },
  ends: { stdout: ['done'], exitAfterMs: 5 },
  fails: { exitAfterMs: 5, exitCode: 3 },
  endsSoon: { stdout: ['first', 'second'], exitAfterMs: 50 },
  ignoresTerm: { stdout: ['started'], ignoresTerm: true },
  leavesWord: { lastWord: 'no database', stdout: ['in the log'], exitAfterMs: 5, exitCode: 3 },
  leavesMuch: { lastWord: lines(1, 3_000).join('\n') + '\n', exitAfterMs: 5 },
  complains: { stdout: lines(1, 100), exitAfterMs: 5, exitCode: 3 },
  complainsAtLength: { stdout: [...lines(100_001, 100_079), '7'.padStart(2_500, '0')], exitAfterMs: 5, exitCode: 3 },
  findsWord: { lastWord: 'mine', exitAfterMs: 5 },
  counts: { stdout: Array.from({ length: 20 }, (_, index) => String(index + 1)), exitAfterMs: 5 },
  speaks: { stdout: ['to-stdout'], stderr: ['to-stderr'], exitAfterMs: 5 },
}
