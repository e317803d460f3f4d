// js-client-streams.test.ts - the official JavaScript client against the streams of a hub: logs, exec, port-forward
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { Exec, KubeConfig, Log, PortForward } from '@kubernetes/client-node'
import t from 'tap'
import { kubeconfig } from '../../hub/api/access/kubeconfig.ts'
import { deferred } from '../../shared/deferred.ts'
import { eventually } from '../support/eventually.ts'
import { startStreamHub } from '../support/stream-hub.ts'

function collect() {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (data) => (text += String(data)))
  return { stream, text: () => text }
}

t.test('The JavaScript client follows logs, executes with input, and forwards a port', async (t) => {
  const { hub, runtime, runPod } = await startStreamHub(t)
  const echo = createServer((socket) => socket.once('data', (data) => socket.end(`echo ${String(data)}`)))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  t.teardown(() => echo.close())
  const address = echo.address()
  const port = typeof address === 'object' && address ? address.port : 1
  runtime.behave('app:1', {
    exec: (_command, stdin) => ({ stdout: stdin.toUpperCase(), exitCode: 3 }),
    dial: () => ({ address: '127.0.0.1', port }),
  })
  const { containerId } = await runPod('web')
  const config = new KubeConfig()
  const users = [{ name: 'admin', token: hub.tokens.admin }] as const
  config.loadFromOptions({ ...parsed(kubeconfig({ cluster: 'test', server: hub.url, caPem: hub.caPem, users })) })

  const logs = collect()
  const following = await new Log(config).log('default', 'web', 'main', logs.stream, { follow: true })
  runtime.write(containerId, 'stdout', 'news')
  await eventually(() => logs.text() === 'news\n')
  following.abort()

  const out = collect()
  const input = new PassThrough()
  const status = deferred<object>()
  const socket = await new Exec(config).exec('default', 'web', 'main', ['run'], out.stream, null, input, false, (end) =>
    status.resolve(end),
  )
  t.teardown(() => socket.close())
  input.write('hello')
  input.end()
  t.match(await status.promise, { status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '3' }] } })
  t.equal(out.text(), 'HELLO')

  const answer = collect()
  const question = new PassThrough()
  await new PortForward(config).portForward('default', 'web', [80], answer.stream, null, question)
  question.write('ping')
  await eventually(() => answer.text() === 'echo ping')
})

/** The client takes its own shape of a kubeconfig. */
const parsed = (config: ReturnType<typeof kubeconfig>) => ({
  clusters: config.clusters.map(({ name, cluster }) => ({
    name,
    server: cluster.server,
    caData: cluster['certificate-authority-data'],
    skipTLSVerify: false,
  })),
  users: config.users.map(({ name, user }) => ({ name, token: user.token })),
  contexts: config.contexts.map(({ name, context }) => ({ name, cluster: context.cluster, user: context.user })),
  currentContext: config['current-context'],
})
