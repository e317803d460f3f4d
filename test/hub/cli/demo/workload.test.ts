// workload.test.ts - what the demo makes once is left as its user made it, and nothing is waited for that nobody wants
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { banner } from '../../../../hub/cli/demo/banner.ts'
import { untilSettled, type Fate } from '../../../../hub/cli/demo/workload.ts'
import { ApiError, type Client } from '../../../../hub/cli/client.ts'
import { createManualClock } from '../../../support/manual-clock.ts'

const manifest = (hostPort = 8080, replicas = 1) => ({
  metadata: { name: 'hello' },
  spec: { replicas, template: { spec: { containers: [{ name: 'web', ports: [{ containerPort: 8080, hostPort }] }] } } },
})

/** A hub with this Deployment, or none; what is made there runs at once unless told. */
function demoWith(t: Test, found?: object, { wasMade = found !== undefined, availableReplicas = 1 } = {}) {
  const marker = join(t.testdir(), 'marker')
  if (wasMade) writeFileSync(marker, '')
  const prepared: string[] = []
  let there: unknown = found
  const client: Client = {
    async get(path) {
      // What a hub answers is taken at its word, here as there.
      // oxlint-disable-next-line typescript/no-explicit-any
      const answer: any = path.includes('/pods') ? { items: [] } : there
      if (answer === undefined) throw new ApiError(404, 'not found')
      return answer
    },
    // oxlint-disable-next-line typescript/no-explicit-any
    async send(_method, _path, body): Promise<any> {
      there = { ...body, status: { availableReplicas } }
    },
  }
  const prepare = async (isNew: boolean) => void prepared.push(isNew ? 'new' : 'again')
  const clock = createManualClock()
  const settled = () => untilSettled(client, clock, { manifest: manifest(), marker, prepare })
  return { marker, prepared, clock, settled, there: () => there }
}

t.test('The first time it is made and runs', async (t) => {
  const demo = demoWith(t)
  t.same(await demo.settled(), { kind: 'runs', port: 8080 })
  t.same(demo.prepared, ['new'])
  t.ok(existsSync(demo.marker))
})

t.test('What its user has deleted is not made again', async (t) => {
  const demo = demoWith(t, undefined, { wasMade: true })
  t.same(await demo.settled(), { kind: 'deleted' })
  t.same(demo.prepared, [])
  t.equal(demo.there(), undefined)
})

t.test('What its user has scaled to 0 is not waited for', async (t) => {
  const demo = demoWith(t, manifest(8080, 0))
  t.same(await demo.settled(), { kind: 'scaled to 0' })
  t.same(demo.prepared, [])
})

t.test('What its user has changed is shown as it is now', async (t) => {
  const demo = demoWith(t, { ...manifest(9090), status: { availableReplicas: 1 } })
  t.same(await demo.settled(), { kind: 'runs', port: 9090 })
  t.same(demo.prepared, ['again'])
})

t.test('What no longer runs after a change of its user does not end the demo; what never ran does', async (t) => {
  const changed = demoWith(t, manifest())
  const fate = changed.settled()
  await changed.clock.advance(61_000)
  t.match(await fate, { kind: 'stuck', why: /there is no pod of it/ })

  const fresh = demoWith(t, undefined, { availableReplicas: 0 })
  const refused = t.rejects(fresh.settled(), /hello does not run after 60 s: there is no pod of it/)
  await fresh.clock.advance(61_000)
  await refused
})

t.test('The banner offers what can be done now', async (t) => {
  const shown = (hello: Fate, container?: Fate) => banner({ server: 'https://hub', kubeconfig: '/k', hello, container })
  t.match(
    shown({ kind: 'runs', port: 8080 }, { kind: 'runs', port: 8081 }),
    /The API is at https:\/\/hub; a workload answers at http:\/\/127\.0\.0\.1:8080, one in a container at http:\/\/127\.0\.0\.1:8081\.\n\n {2}export KUBECONFIG=\/k\n/,
  )
  t.match(
    shown({ kind: 'deleted' }, { kind: 'scaled to 0' }),
    /hub\.\nhello is deleted, as you left it\.\nhello-container is scaled to 0, as you left it\.\n[^]*kubectl apply -f manifests\/hello\.yaml/,
  )
  t.match(
    shown({ kind: 'stuck', why: 'no image' }),
    /hello does not run: no image\.\n[^]*kubectl describe pods -l app=hello/,
  )
  for (const kind of ['deleted', 'scaled to 0'] as const) t.notMatch(shown({ kind }), /curl/)
})
