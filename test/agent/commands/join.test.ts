// join.test.ts - what `holdfast-agent join` finds before it spends the token: above all, whether the device will reach its hub
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { joinCommand } from '../../../agent/commands/join.ts'
import type { Transport } from '../../../agent/commands/check-hub.ts'
import { systemClock } from '../../../shared/clock.ts'
import { NODE } from '../../../shared/kinds/node.ts'
import { encodeJoinToken } from '../../../shared/protocol/join-token.ts'
import { createFakeRuntime } from '../../support/fake-runtime.ts'
import { facts, startFleetRig } from '../../support/fleet-rig.ts'

async function joining(t: Test, options: { mqttPort?: number } = {}) {
  const rig = await startFleetRig(options)
  t.teardown(() => rig.stop())
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-join-'))
  t.teardown(() => rmSync(dataDir, { recursive: true }))
  let printed = ''
  const joinAs = (transport: Transport, token = rig.token()) =>
    joinCommand({
      text: encodeJoinToken(token),
      ...{ dataDir, transport, nodeName: 'till', facts: facts(), clock: systemClock },
      runtimes: [createFakeRuntime({ clock: systemClock })],
      print: (text) => void (printed += text),
    })
  return { rig, joinAs, printed: () => printed }
}

/** As behind a firewall that lets only HTTPS through. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

t.test('A device that can reach all it needs joins', async (t) => {
  const { joinAs, printed } = await joining(t)
  t.equal((await joinAs('mqtt')).nodeName, 'till')
  t.match(printed(), /PASS {2}the hub's MQTT port can be reached: localhost:\d+ answers/)
  t.notMatch(printed(), /FAIL/)
})

t.test('A device that cannot reach the MQTT port is told what to open, and keeps its token', async (t) => {
  const { rig, joinAs, printed } = await joining(t, { mqttPort: await closedPort() })
  const token = rig.token({ usesLeft: 1 })
  await t.rejects(joinAs('mqtt', token), /not joined/)
  t.match(printed(), /FAIL {2}the hub's MQTT port can be reached: .*\n +open port \d+ .*--transport websocket/)
  t.match(printed(), /PASS {2}the token is good: 1 use left/)
  t.equal(rig.objects.list(NODE).length, 0)
  t.equal((await joinAs('websocket', token)).nodeName, 'till', 'over WebSocket the API port is enough')
})
