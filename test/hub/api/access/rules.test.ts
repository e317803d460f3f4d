// rules.test.ts - checks who may do what, row by row, and the sentences of those who may not
import t from 'tap'
import { createFailures } from '../../../../hub/api/access/failures.ts'
import { forbiddenTo } from '../../../../hub/api/access/forbidden.ts'
import { kubeconfig } from '../../../../hub/api/access/kubeconfig.ts'
import { rulesReview } from '../../../../hub/api/access/rules-review.ts'
import { isAllowed } from '../../../../hub/api/access/rules.ts'
import type { Attributes } from '../../../../hub/api/extension.ts'
import { POD } from '../../../../shared/kinds/pod.ts'
import { SECRET } from '../../../../shared/kinds/secret.ts'
import { createManualClock } from '../../../support/manual-clock.ts'

const user = (...groups: string[]) => ({ name: 'somebody', groups: [...groups, 'system:authenticated'] })
const users = {
  admin: user('system:masters'),
  viewer: user('holdfast:viewers'),
  account: user('system:serviceaccounts'),
  node: user('system:nodes'),
  nobody: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
}
type Who = keyof typeof users

/** "verb group/resource/subresource" or "verb /path": who may. */
const matrix: Record<string, readonly Who[]> = {
  'get /pods': ['admin', 'viewer'],
  'list /pods': ['admin', 'viewer'],
  'watch apps/deployments': ['admin', 'viewer'],
  'list example.com/widgets': ['admin', 'viewer'],
  'create /pods': ['admin'],
  'update /pods': ['admin'],
  'patch /pods/status': ['admin'],
  'delete /pods': ['admin'],
  'deletecollection /pods': ['admin'],
  'get /pods/log': ['admin', 'viewer'],
  'get /pods/exec': ['admin'],
  'create /pods/exec': ['admin'],
  'get /pods/attach': ['admin'],
  'get /pods/portforward': ['admin'],
  'get /pods/proxy': ['admin'],
  'get /services/proxy': ['admin'],
  'get /nodes/proxy': ['admin'],
  'create /pods/eviction': ['admin'],
  'get /secrets': ['admin'],
  'list /secrets': ['admin'],
  'watch /secrets': ['admin'],
  'get /secrets/status': ['admin'],
  'create /serviceaccounts/token': ['admin'],
  'list metrics.k8s.io/pods': ['admin', 'viewer'],
  'create authorization.k8s.io/selfsubjectaccessreviews': ['admin', 'viewer', 'account', 'node'],
  'create authorization.k8s.io/selfsubjectrulesreviews': ['admin', 'viewer', 'account', 'node'],
  'create authentication.k8s.io/selfsubjectreviews': ['admin', 'viewer', 'account', 'node'],
  'create authorization.k8s.io/subjectaccessreviews': ['admin'],
  'create authentication.k8s.io/tokenreviews': ['admin'],
  'impersonate /users': ['admin'],
  'patch /nodes/status': ['admin'],
}
const paths: Record<string, readonly Who[]> = {
  'get /healthz': ['admin', 'viewer', 'account', 'node', 'nobody'],
  'get /version': ['admin', 'viewer', 'account', 'node', 'nobody'],
  'get /api': ['admin', 'viewer', 'account', 'node'],
  'get /openapi/v3/apis/apps/v1': ['admin', 'viewer', 'account', 'node'],
  'get /metrics': ['admin', 'viewer'],
  'post /anything': ['admin'],
}

t.test('Everybody may do what is theirs and nothing else', async (t) => {
  const names = Object.keys(users).filter((name): name is Who => name in users)
  const check = (row: string, asked: Attributes, may: readonly Who[]) => {
    for (const name of names) t.equal(isAllowed(users[name], asked), may.includes(name), `${name}: ${row}`)
  }
  for (const [row, may] of Object.entries(matrix)) {
    const [verb = '', what = ''] = row.split(' ')
    const [group = '', resource = '', subresource] = what.split('/')
    check(row, { verb, group, resource, ...(subresource && { subresource }), namespace: 'default' }, may)
  }
  for (const [row, may] of Object.entries(paths)) {
    const [verb = '', path = ''] = row.split(' ')
    check(row, { verb, group: '', resource: '', path }, may)
  }
})

t.test('Names of groups and rules are matched exactly', async (t) => {
  const asked = { verb: 'get', group: '', resource: 'pods' }
  for (const group of ['System:masters', 'system:masters ', 'constructor', '__proto__', 'toString'])
    t.equal(isAllowed(user(group), asked), false, group)
})

t.test('Refusals are the sentences that Kubernetes says', async (t) => {
  const viewer = { name: 'viewer' }
  const inNamespace = { verb: 'delete', group: '', resource: 'pods', namespace: 'default', name: 'x' }
  t.equal(
    forbiddenTo(viewer, inNamespace).message,
    'pods "x" is forbidden: User "viewer" cannot delete resource "pods" in API group "" in the namespace "default"',
  )
  const cluster = { verb: 'list', group: 'apps', resource: 'deployments' }
  t.equal(
    forbiddenTo(viewer, cluster).message,
    'deployments.apps is forbidden: User "viewer" cannot list resource "deployments" in API group "apps" at the cluster scope',
  )
  const part = { verb: 'get', group: '', resource: 'pods', subresource: 'exec', namespace: 'default', name: 'x' }
  t.match(forbiddenTo(viewer, part).message, /cannot get resource "pods\/exec" in API group ""/)
  t.equal(
    forbiddenTo(viewer, { verb: 'get', group: '', resource: '', path: '/metrics' }).message,
    'forbidden: User "viewer" cannot get path "/metrics"',
  )
  t.match(forbiddenTo(viewer, inNamespace), { code: 403, reason: 'Forbidden', details: { name: 'x', kind: 'pods' } })
})

t.test('The list of what a viewer may do leaves out what a viewer may not', async (t) => {
  const { resourceRules } = rulesReview(users.viewer, [POD, SECRET])
  const readable = resourceRules.filter(({ verbs }) => verbs.includes('list')).flatMap(({ resources }) => resources)
  t.ok(readable.includes('pods') && readable.includes('pods/log'))
  for (const hidden of ['secrets', 'pods/exec', 'pods/attach', 'pods/portforward', '*'])
    t.notOk(readable.includes(hidden), hidden)
})

t.test('The table of failed attempts stays small whoever knocks', async (t) => {
  const failures = createFailures(createManualClock())
  for (let n = 0; n < 10_500; n++) failures.add(`10.0.${n >> 8}.${n & 255}`)
  t.equal(failures.size, 10_000)
})

t.test('A kubeconfig has a context for each user, and the CA inside', async (t) => {
  const caPem = '-----BEGIN CERTIFICATE-----'
  const config = kubeconfig({
    cluster: 'holdfast',
    server: 'https://hub:6443',
    caPem,
    users: [
      { name: 'admin', token: 'a' },
      { name: 'viewer', token: 'v' },
    ],
  })
  t.equal(config['current-context'], 'admin')
  t.same(
    config.contexts.map(({ name, context }) => [name, context.user, context.cluster]),
    [
      ['admin', 'admin', 'holdfast'],
      ['viewer', 'viewer', 'holdfast'],
    ],
  )
  t.equal(Buffer.from(config.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString(), caPem)
})
