// docker.test.ts - the driver for Docker and Podman keeps the contract, on a real engine
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseDockerAddress } from '../../shared/docker-address.ts'
import { createDockerClient } from '../../agent/runtime/docker-client.ts'
import { containerName } from '../../agent/runtime/docker-identity.ts'
import { createDockerRuntime } from '../../agent/runtime/docker.ts'
import { systemClock } from '../../shared/clock.ts'
import { silentLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { BUSYBOX_IMAGE, ensureBusyboxImage } from '../support/busybox-image.ts'
import { fileWithin } from '../support/file-within.ts'
import { findDocker, skipUnless } from '../support/require.ts'
import type { Harness } from './harness.ts'
import { runtimeContract } from './runtime-contract.ts'

/** Some forty containers, one after another, on a loaded machine. */
const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)

const host = findDocker()
const skip = skipUnless('docker', host) ?? false
void t.test('A container engine keeps the contract', { skip, timeout: TIMEOUT_MS }, (t) =>
  runtimeContract(t, 'docker', () => openHarness(host ?? '')),
)

async function openHarness(host: string): Promise<Harness> {
  const address = parseDockerAddress(host)
  const client = createDockerClient({ address, clock: systemClock })
  await ensureBusyboxImage(client)
  const node = `contract-${systemRandom.uuid().slice(0, 8)}`
  const foreign: string[] = []
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-docker-'))
  const remove = (id: string) => client.call({ method: 'DELETE', path: `/containers/${id}`, query: { force: true } })
  return {
    capabilities: {
      images: true,
      separateStreams: true,
      exactLogTimes: true,
      stdin: true,
      programs: true,
      networks: true,
      users: true,
      foreigners: true,
      messageFiles: true,
      limits: true,
    },
    image: BUSYBOX_IMAGE,
    folder,
    open: async () => createDockerRuntime({ address, node, clock: systemClock, random: systemRandom, log: silentLog }),
    async openUnavailable() {
      const nowhere = parseDockerAddress('unix:///nonexistent/docker.sock')
      return createDockerRuntime({ address: nowhere, node, clock: systemClock, random: systemRandom, log: silentLog })
    },
    async makeForeign(spec) {
      const made = await client.call({
        method: 'POST',
        path: '/containers/create',
        query: { name: containerName(spec.identity) },
        body: { Image: BUSYBOX_IMAGE, Cmd: ['true'], Labels: { 'holdfast.dev/node': 'another-node' } },
      })
      const { Id: id } = made as { Id: string }
      foreign.push(id)
      const look = () => client.call({ method: 'GET', path: `/containers/${id}/json` })
      return { isUntouched: () => look().then(Boolean) }
    },
    async close() {
      for (const id of foreign) await remove(id)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
