// cgroup-usage.test.ts - usage from the kernel's files, in both layouts that devices have
import t from 'tap'
import { cgroupUsage } from '../../../agent/runtime/cgroup-usage.ts'

const ID = 'a'.repeat(64)

void t.test('The unified layout', async (t) => {
  const root = t.testdir({
    proc: { 42: { cgroup: `0::/system.slice/docker-${ID}.scope\n` } },
    cgroup: {
      'system.slice': {
        [`docker-${ID}.scope`]: {
          'cpu.stat': 'usage_usec 1500\nuser_usec 1000\n',
          'memory.current': '1000000\n',
          'memory.stat': 'anon 5\ninactive_file 400000\nactive_file 1\n',
        },
      },
    },
  })
  const folders = { proc: `${root}/proc`, cgroup: `${root}/cgroup` }
  t.strictSame(await cgroupUsage(ID, 42, folders), { cpuNanos: 1_500_000, memoryBytes: 600_000 })
  t.equal(await cgroupUsage(ID, 43, folders), undefined, 'no such process')
  t.equal(await cgroupUsage('b'.repeat(64), 42, folders), undefined, 'the pid belongs to another container')
})

void t.test('The older layout, also beside a unified one without counters', async (t) => {
  const group = { docker: { [ID]: { 'cpuacct.usage': '77\n' } } }
  const memory = { 'memory.usage_in_bytes': '5000\n', 'memory.stat': 'cache 9\ntotal_inactive_file 6000\n' }
  const root = t.testdir({
    proc: { 7: { cgroup: `4:cpu,cpuacct:/docker/${ID}\n3:memory:/docker/${ID}\n0::/docker/${ID}\n` } },
    cgroup: { cpuacct: group, memory: { docker: { [ID]: memory } } },
  })
  const folders = { proc: `${root}/proc`, cgroup: `${root}/cgroup` }
  t.strictSame(await cgroupUsage(ID, 7, folders), { cpuNanos: 77, memoryBytes: 0 })
})
