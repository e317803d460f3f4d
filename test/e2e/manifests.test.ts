// manifests.test.ts - every example that users start from is applied and runs
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ensureHelloImage } from '../../hub/cli/demo/hello-image.ts'
import { parseDockerAddress } from '../../shared/docker-address.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { freePort } from '../support/free-port.ts'
import { fetchText } from '../support/http.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster } from '../support/processes.ts'
import { findDocker } from '../support/require.ts'

const MANIFESTS = fileURLToPath(new URL('../../../manifests/', import.meta.url))
const TIMEOUT_MS = 300_000
fileWithin(t, TIMEOUT_MS)
const WITHIN_MS = 60_000

/** What a line of `kubectl apply` made, as far as it is something that runs. */
const MADE = /^(deployment\.apps|daemonset\.apps|statefulset\.apps|pod|job\.batch)\/(\S+) created/gm

/** On a machine where the ports of the examples are taken by the demo, free ones serve as well. */
async function withFreePorts(text: string): Promise<{ text: string; port: number }> {
  const port = await freePort()
  const wanted = /hostPort: (\d+)/.exec(text)?.[1]
  if (!wanted) return { text, port: 0 }
  const isOnHost = text.includes('runtimeClassName: process')
  const changed = isOnHost
    ? text.replaceAll(wanted, String(port))
    : text.replace(`hostPort: ${wanted}`, `hostPort: ${port}`)
  return { text: changed, port }
}

const reason = skipCluster()
void t.test('the examples that users start from', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t)
  const { kubectl } = cluster
  await ensureMyImages(cluster.engine)
  await ensureHelloImage(parseDockerAddress(findDocker() ?? ''))
  for (const name of readdirSync(MANIFESTS).filter((file) => file.endsWith('.yaml'))) {
    await t.test(`${name} is applied and runs`, async (t) => {
      const { text, port } = await withFreePorts(readFileSync(join(MANIFESTS, name), 'utf8'))
      const made = [...(await kubectl.ok('apply -f -', text)).matchAll(MADE)]
      for (const [, kind = '', object = ''] of made) {
        if (kind === 'pod') await kubectl.ok(`wait --for=condition=Ready pod/${object} --timeout=60s`)
        else if (kind === 'job.batch') await kubectl.ok(`wait --for=condition=Complete job/${object} --timeout=60s`)
        else await kubectl.ok(`rollout status ${kind}/${object} --timeout=60s`)
      }
      if (port) t.match(await eventually(() => fetchText(`http://127.0.0.1:${port}/`), WITHIN_MS), /Hello from/)
      t.match(await kubectl.ok('apply -f -', text), /unchanged/)
      await kubectl.ok('delete --timeout=60s -f -', text)
      await eventually(async () => (await cluster.containers()).length === 0, WITHIN_MS)
    })
  }
})
