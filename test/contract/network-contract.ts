// network-contract.ts - ports, shared networks, limits and usage
import { connect } from 'node:net'
import { once } from 'node:events'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { exec, readLogs } from './conversation.ts'
import { SERVED_PORT } from './programs.ts'
import type { Check } from './harness.ts'

export const networkContract = (): Record<string, Check> => ({
  'a port inside can be reached for probes and port-forward': {
    needs: 'programs',
    async run(t, { runtime, run }) {
      const id = await run('serves')
      const target = await runtime.dial(id, SERVED_PORT)
      t.equal(typeof target.address, 'string')
      await eventually(() => connects(target.port, target.address))
    },
  },
  'a published port answers on the device': {
    needs: 'networks',
    async run(t, { run }) {
      const hostPort = await freePort()
      await run('serves', { ports: [{ containerPort: SERVED_PORT, hostPort, protocol: 'TCP', hostIp: '127.0.0.1' }] })
      await eventually(() => connects(hostPort, '127.0.0.1'))
      t.pass('it does')
    },
  },
  'the containers of one pod share the network of its sandbox, which ends when told': {
    needs: 'networks',
    async run(t, { runtime, run, spec, untilExited }) {
      const { image: _image, command: _command, ...sandbox } = spec('runs', { hostname: 'pod-host' })
      const owner = await runtime.createSandbox({
        ...sandbox,
        identity: { ...sandbox.identity, role: 'sandbox', container: '' },
      })
      await runtime.startContainer(owner)
      t.match(await runtime.inspect(owner), { state: 'running', identity: { role: 'sandbox' } })
      const network = { kind: 'shared', withId: owner } as const
      const server = await run('serves', { network, hostname: 'pod-host' })
      const client = await run('runs', { network, identity: { container: 'client' } })
      const url = `http://127.0.0.1:${SERVED_PORT}/`
      await eventually(async () => {
        const { err } = await exec(runtime, client, ['busybox', 'wget', '-O', '-', url])
        return /404|403/.test(err)
      })
      t.equal((await exec(runtime, server, ['hostname'])).out, 'pod-host\n')
      t.equal((await runtime.dial(server, 80)).address, (await runtime.inspect(owner))?.ip)
      await runtime.signalContainer(owner, 'SIGTERM')
      await untilExited(owner)
      t.match(await runtime.inspect(owner), { exitCode: 0 })
    },
  },
  "who asks for the device's own processes and memory segments is in its namespaces, and no other is": {
    needs: 'networks',
    async run(t, { runtime, run }) {
      const security = { hostPid: true, hostIpc: true }
      const ids = [
        await run('runs', { security }),
        await run('runs', { security, identity: { container: 'other' } }),
        await run('runs', { identity: { container: 'alone' } }),
      ]
      for (const space of ['pid', 'ipc']) {
        const command = ['busybox', 'readlink', `/proc/self/ns/${space}`]
        const [one = '', other, alone] = await Promise.all(
          ids.map(async (id) => (await exec(runtime, id, command)).out),
        )
        t.match(one, new RegExp(`^${space}:\\[\\d+\\]`))
        t.equal(one, other)
        t.not(one, alone)
      }
    },
  },
  'who is to look into another container sees its processes, and no other does': {
    needs: 'networks',
    async run(t, { runtime, run }) {
      const target = await run('runs')
      const looks = await run('runs', { security: { processesOf: target }, identity: { container: 'looks' } })
      const alone = await run('runs', { identity: { container: 'alone' } })
      const [own = '', seen, other] = await Promise.all(
        [target, looks, alone].map(
          async (id) => (await exec(runtime, id, ['busybox', 'readlink', '/proc/self/ns/pid'])).out,
        ),
      )
      t.equal(seen, own)
      t.not(other, own)
    },
  },
  'a memory limit holds, and breaking it is told as such': {
    needs: 'limits',
    async run(t, { runtime, run, untilExited }) {
      const resources = { memoryLimitBytes: 16 << 20, cpuLimitMilli: 500, cpuRequestMilli: 100 }
      const shows = await run('showsLimit', { resources })
      const eats = await run('eatsMemory', { resources, identity: { container: 'eats' } })
      await untilExited(shows)
      t.equal((await readLogs(runtime, shows)).all, `${16 << 20}\n`)
      await untilExited(eats)
      t.match(await runtime.inspect(eats), { exitCode: 137, outOfMemory: true })
    },
  },
  'usage is told for what runs, and only for that': {
    async run(_t, { runtime, run, untilExited }) {
      const runs = await run('runs')
      const ended = await run('ends', { identity: { container: 'ended' } })
      await untilExited(ended)
      await eventually(async () => {
        const usage = await runtime.usage([runs, ended, 'no-such-container'])
        const [sample] = usage
        const isOnlyThis = usage.length === 1 && sample?.id === runs
        return isOnlyThis && sample.cpuNanos >= 0 && sample.memoryBytes > 0
      })
    },
  },
})

async function connects(port: number, host: string): Promise<boolean> {
  const socket = connect({ port, host })
  await once(socket, 'connect')
  socket.destroy()
  return true
}
