// recover.test.ts - checks what an operator is shown after a loss, and that only what is named is touched
import t from 'tap'
import type { Client } from '../../../hub/cli/client.ts'
import { chosen, decide, recoverScreen, recoveryTroubles } from '../../../hub/cli/recover.ts'
import type { ConfigMap, Node, Pod } from '../../../shared/kinds/object.ts'
import { UNKNOWN_ANNOTATION } from '../../../shared/recovery.ts'
import { meta, node, pod } from '../../support/builders.ts'

const unknown = (name: string, nodeName = 'till'): Pod => {
  const made = pod(name, { nodeName }, { status: { phase: 'Running' } })
  return { ...made, metadata: { ...made.metadata, annotations: { [UNKNOWN_ANNOTATION]: '2026-11-20T12:00:00Z' } } }
}
const note = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: meta('holdfast-recovery'),
  data: { state: 'open', since: '2026-11-20T12:00:00Z', loss: 'tail', ...data },
})
const nowMs = Date.parse('2026-11-20T13:00:00Z')
const NOTHING = { adopt: [], adoptAll: false, stop: [], stopAll: false, release: [], close: false }

function recording() {
  const calls: string[] = []
  const client: Client = {
    get: () => Promise.reject(new Error('nothing is read')),
    send: (method, path, body) => {
      calls.push(`${method} ${path} ${JSON.stringify(body)}`)
      // Nobody looks at the answer.
      return Promise.resolve(undefined as never)
    },
  }
  return { client, calls }
}

t.test('The list says what runs where, and what can be done about it', async (t) => {
  const pods = [unknown('web'), unknown('db', 'shelf'), pod('known')]
  const screen = recoverScreen({ note: note({ waiting: 'attic' }), pods, nodes: [] }, nowMs)
  t.match(screen, /recovering since 2026-11-20T12:00:00Z: it was restored from an older copy; not yet heard: attic/)
  t.match(screen, /till\/default\/web +Running +my-image +60m/)
  t.match(screen, /shelf\/default\/db/)
  t.notMatch(screen, /known\/default/)
  t.match(screen, /--adopt .*\n.*--stop /)
  t.equal(recoverScreen({ note: undefined, pods: [pod('known')], nodes: [] }, nowMs), 'Nothing is to be recovered.')
  t.same(recoveryTroubles({ note: note({ state: 'closed' }), pods: [], nodes: [] }), [])
})

t.test('Who was removed after the backup is named, and what a person has to do about it', async (t) => {
  const joined = (name: string, at: string): Node => ({
    ...node(name),
    metadata: { ...meta(name), creationTimestamp: at },
  })
  const nodes = [joined('till', '2026-01-01T00:00:00Z'), joined('late', '2026-11-20T12:30:00Z')]
  const troubles = (data: Record<string, string>) => recoveryTroubles({ note: note(data), pods: [], nodes }).join('\n')
  const lost = troubles({ state: 'closed', revocations: 'lost' })
  t.match(lost, /let in as of the backup: till\. .*`kubectl delete node <name>`.*recover --close/)
  t.equal(troubles({ state: 'closed', revocations: 'looked at' }), '')
  t.notMatch(troubles({ revocations: 'kept' }), /as of the backup/)
  t.match(troubles({ lockedOut: 'till, gone' }), /locked out still, .*`kubectl delete node till`/)
  const many = Array.from({ length: 30 }, (_, at) => joined(`n${at}`, '2026-01-01T00:00:00Z'))
  t.match(recoveryTroubles({ note: note({ revocations: 'lost' }), pods: [], nodes: many }).join(), /n19 and 10 more/)
})

t.test('What may run only once is named while there are two of it, also to who closes the recovery', async (t) => {
  const surplus = 'default/db (a on till, b on shelf)'
  const view = { note: note({ surplus }), pods: [], nodes: [] }
  t.match(
    recoveryTroubles(view).join('\n'),
    /What may run only once runs on .*\n.*more than one pod.*a on till, b on shelf/,
  )
  t.notMatch(recoveryTroubles({ ...view, note: note({}) }).join('\n'), /more than one pod/)
  const [closed, warned] = await decide(recording().client, view, { ...NOTHING, close: true })
  t.match(closed, /recovery is closed/)
  t.match(warned, /may run more than once now.*a on till, b on shelf/)
})

t.test('Pods are named in full or as far as it is clear which is meant', async (t) => {
  const pods = [unknown('web'), unknown('db'), { ...unknown('db', 'shelf') }, pod('known')]
  const names = (list: readonly Pod[]) => list.map(({ metadata, spec }) => `${spec.nodeName}/${metadata.name}`)
  t.same(names(chosen(pods, ['web', 'shelf/default/db'], false)), ['till/web', 'shelf/db'])
  t.equal(chosen(pods, [], true).length, 3)
  t.throws(() => chosen(pods, ['db'], false), { message: /could be till\/default\/db or shelf\/default\/db/ })
  t.throws(() => chosen(pods, ['known'], false), { message: /no unknown pod/ })
})

t.test(
  'What is adopted loses its mark, what is stopped is deleted as that very pod, and nothing else is touched',
  async (t) => {
    const { client, calls } = recording()
    const web = unknown('web')
    const view = { note: note({}), nodes: [], pods: [web, unknown('db', 'shelf'), unknown('cache')] }
    const lines = await decide(client, view, { ...NOTHING, adopt: ['cache'], stop: ['web'], close: true })
    t.same(calls, [
      `PATCH /api/v1/namespaces/default/pods/cache {"metadata":{"annotations":{"${UNKNOWN_ANNOTATION}":null}}}`,
      `DELETE /api/v1/namespaces/default/pods/web {"preconditions":{"uid":"${web.metadata.uid}"}}`,
      'PATCH /api/v1/namespaces/kube-system/configmaps/holdfast-recovery {"data":{"state":"closed","revocations":"looked at"}}',
    ])
    t.equal(lines.length, 3)
    const released = recording()
    await decide(released.client, view, { ...NOTHING, release: ['till'], stop: ['web'] })
    t.equal(released.calls.length, 2, 'each once')
    t.same(await decide(recording().client, view, NOTHING), [])
  },
)
