// kubectl.test.ts - what people do with kubectl, done with real kubectls: everything that needs no running pods
import { chmodSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { fileWithin } from '../support/file-within.ts'
import { createKubectl, kubectls, type Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/eventually.ts'
import { skipUnless } from '../support/require.ts'
import { startTestHub } from '../support/test-hub.ts'
import { WITHIN_MS } from './desk.ts'
import { deployment, SERVICE, widget, WIDGETS } from './kubectl-manifests.ts'

type Check = Test
type Story = (t: Check, kubectl: Kubectl, dir: string) => Promise<void>

const stories: Record<string, Story> = {
  async 'apply creates, says unchanged, configures, and diffs'(t, kubectl) {
    t.match(await kubectl.ok('apply -f -', deployment()), /deployment.apps\/my-deployment created/)
    t.match(await kubectl.ok('apply -f -', deployment()), /unchanged/)
    t.match(await kubectl.ok('apply -f -', SERVICE), /service\/my-service created/)
    t.match(await kubectl.ok('apply -f -', SERVICE), /unchanged/)
    t.match(await kubectl.fails('diff -f -', deployment('other')), /\+.*image: other/)
    t.match(await kubectl.ok('apply --dry-run=server -f -', deployment('other')), /configured \(server dry run\)/)
    t.match(await kubectl.ok('get deploy my-deployment -o wide'), /my-image/)
    t.match(await kubectl.ok('apply -f -', deployment('other')), /configured/)
    const image = '{.spec.template.spec.containers[0].image} {.metadata.generation}'
    t.equal(await kubectl.ok(`get deploy my-deployment -o jsonpath='${image}'`), 'other 2')
    await kubectl.ok('get pods,services')
    t.match(await kubectl.ok('describe service my-service'), /TargetPort: +8080\/TCP/)
    t.match(await kubectl.ok('describe deployment my-deployment'), /StrategyType: +RollingUpdate/)
  },

  async 'server-side apply tells conflicts, forces, and takes over from client-side apply'(t, kubectl) {
    await kubectl.ok('apply -f -', deployment())
    t.match(await kubectl.ok('apply --server-side -f -', deployment()), /serverside-applied/)
    const conflict = await kubectl.fails('apply --server-side --field-manager=other -f -', deployment('theirs'))
    t.match(conflict, /conflict with "kubectl": \.spec\.template\.spec\.containers\[name="my-container"\]\.image/)
    t.match(
      await kubectl.ok('apply --server-side --field-manager=other --force-conflicts -f -', deployment('theirs')),
      /serverside-applied/,
    )
    t.match(await kubectl.ok('get deploy my-deployment -o yaml --show-managed-fields'), /manager: other/)
    await kubectl.ok('diff --server-side --force-conflicts -f -', deployment('theirs'))
  },

  async 'fields that do not exist are refused by name'(t, kubectl) {
    const wrong = deployment().replace('replicas:', 'replica:')
    t.match(await kubectl.fails('apply -f -', wrong), /unknown field "spec.replica"/)
    t.match(await kubectl.ok('apply --validate=warn -f -', wrong), /Warning: unknown field "spec.replica"/)
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n'
    t.match(await kubectl.fails('create -f -', pod), /spec.containers: Required value/)
    const nothing = 'apiVersion: v1\nkind: Nothing\nmetadata: {name: x}\n'
    t.match(await kubectl.fails('create -f -', nothing), /no matches for kind "Nothing"/)
  },

  async 'create, with the protobuf bodies of newer kubectls'(t, kubectl) {
    await kubectl.ok('create namespace shop')
    await kubectl.ok('create configmap settings --from-literal=a=1 -n shop')
    await kubectl.ok('create secret generic hidden --from-literal=password=x -n shop')
    await kubectl.ok('create deployment web --image=nginx --replicas=2 --port=80 -n shop')
    await kubectl.ok('create service clusterip web --tcp=80:8080 -n shop')
    await kubectl.ok('create serviceaccount robot -n shop')
    await kubectl.ok('create role reader --verb=get --resource=pods -n shop')
    await kubectl.ok('create rolebinding reader --role=reader --serviceaccount=shop:robot -n shop')
    await kubectl.ok('create job once --image=busybox -n shop -- echo hi')
    await kubectl.ok("create cronjob often --image=busybox --schedule='*/5 * * * *' -n shop -- echo hi")
    await kubectl.ok('create poddisruptionbudget web --selector=app=web --min-available=1 -n shop')
    await kubectl.ok('create priorityclass high --value=1000')
    await kubectl.ok('autoscale deployment web --min=1 --max=3 --cpu-percent=80 -n shop')
    await kubectl.ok('run one --image=nginx --port=80 -n shop')
    await kubectl.ok('expose deployment web --name=web2 --port=80 -n shop')
    t.equal(await kubectl.ok("get configmap settings -n shop -o jsonpath='{.data.a}'"), '1')
    t.equal(await kubectl.ok("get secret hidden -n shop -o jsonpath='{.data.password}'"), 'eA==')
    const port = '{.spec.replicas} {.spec.template.spec.containers[0].ports[0].containerPort}'
    t.equal(await kubectl.ok(`get deploy web -n shop -o jsonpath='${port}'`), '2 80')
    t.match(await kubectl.ok('get hpa -n shop'), /web/)
    t.match(await kubectl.ok('get all -n shop'), /deployment.apps\/web/)
    t.match(await kubectl.ok('describe hpa web -n shop'), /Max replicas: +3/)
  },

  async 'get in all its forms'(t, kubectl) {
    await kubectl.ok('apply -f -', deployment())
    for (const name of ['a', 'b', 'c']) await kubectl.ok(`create configmap ${name} --from-literal=k=${name}`)
    await kubectl.ok('label configmap a b team=red')
    t.match(await kubectl.ok('get cm --chunk-size=1'), /a .*\nb .*\nc /s)
    t.equal(await kubectl.ok('get cm -l team=red -o name'), 'configmap/a\nconfigmap/b\n')
    t.match(await kubectl.ok('get cm -l team!=red -o name'), 'configmap/c')
    t.equal(await kubectl.ok('get cm --field-selector metadata.name=b -o name'), 'configmap/b\n')
    t.match(await kubectl.fails('get cm --field-selector spec.x=b'), /field label not supported/)
    t.match(await kubectl.ok('get cm -A --sort-by=.metadata.name --show-labels'), /NAMESPACE/)
    t.match(await kubectl.ok('get cm a -L team'), /TEAM\na .* red/)
    t.match(await kubectl.ok('get cm a -o yaml'), /kind: ConfigMap/)
    t.match(await kubectl.ok("get cm,deploy -o custom-columns='N:.metadata.name'"), /my-deployment/)
    t.match(await kubectl.fails('get cm nothere'), /Error from server \(NotFound\): configmaps "nothere" not found/)
    t.equal((await kubectl.ok('get cm nothere --ignore-not-found')).trim(), '')
    t.match(await kubectl.ok('get --raw /version'), /v1\.32/)
  },

  async 'label, annotate, patch, set and scale'(t, kubectl) {
    await kubectl.ok('apply -f -', deployment())
    await kubectl.ok('label deploy my-deployment tier=front')
    t.match(await kubectl.fails('label deploy my-deployment tier=back'), /already has a value/)
    await kubectl.ok('label deploy my-deployment tier=back --overwrite')
    await kubectl.ok('annotate deploy my-deployment note=hello')
    const patch = (type: string, body: object, more = '') =>
      `patch deploy my-deployment --type=${type} ${more} -p '${JSON.stringify(body)}'`
    const at = '/spec/replicas'
    await kubectl.ok(patch('strategic', { spec: { paused: true } }))
    await kubectl.ok(patch('merge', { spec: { paused: null } }))
    await kubectl.ok(patch('json', [{ op: 'replace', path: at, value: 5 }]))
    t.match(await kubectl.fails(patch('json', [{ op: 'test', path: at, value: 9 }])), /rejected our request/)
    await kubectl.ok('set image deploy/my-deployment my-container=changed')
    await kubectl.ok('set env deploy/my-deployment A=b')
    await kubectl.ok('set resources deploy/my-deployment --limits=cpu=200m,memory=512Mi')
    await kubectl.ok('scale deploy my-deployment --replicas=2')
    t.match(await kubectl.fails('scale deploy my-deployment --current-replicas=9 --replicas=3'), /Expected replicas/i)
    const container = '.spec.template.spec.containers[0]'
    const all = `{.metadata.labels.tier} {.spec.replicas} {${container}.image} {${container}.env[0].name}`
    t.equal(await kubectl.ok(`get deploy my-deployment -o jsonpath='${all}'`), 'back 2 changed A')
    await kubectl.ok('rollout pause deploy/my-deployment')
    await kubectl.ok('rollout resume deploy/my-deployment')
    await kubectl.ok('rollout restart deploy/my-deployment')
    await kubectl.ok(patch('merge', { spec: { replicas: 4 } }, '--subresource=scale'))
    t.match(await kubectl.ok(patch('merge', { status: { replicas: 1 } }, '--subresource=status')), /patched/)
    const replicas = '{.status.replicas} {.spec.replicas}'
    t.equal(await kubectl.ok(`get deploy my-deployment --subresource=status -o jsonpath='${replicas}'`), '1 4')
  },

  async 'replace and edit'(t, kubectl, dir) {
    await kubectl.ok('apply -f -', deployment())
    await kubectl.ok('apply -f -', SERVICE)
    await kubectl.ok('replace -f -', SERVICE.replace('port: 80\n', 'port: 81\n'))
    t.equal(await kubectl.ok("get svc my-service -o jsonpath='{.spec.ports[0].port}'"), '81')
    await kubectl.ok('replace --force -f -', SERVICE)
    const editor = join(dir, 'editor.sh')
    writeFileSync(editor, '#!/bin/sh\nsed -i s/my-image/edited/ "$1"\n')
    chmodSync(editor, 0o755)
    const edited = await kubectl.run(['edit', 'deploy', 'my-deployment'], { env: { KUBE_EDITOR: editor } })
    t.match(edited, { code: 0, stdout: /edited/ })
    t.match(await kubectl.ok('get deploy my-deployment -o yaml'), /image: edited/)
    await kubectl.ok('apply set-last-applied --create-annotation -f -', deployment('edited'))
    t.match(await kubectl.ok('apply view-last-applied deploy my-deployment'), /image: edited/)
  },

  async 'explain and the lists of what there is'(t, kubectl) {
    t.match(await kubectl.ok('explain pod.spec.containers.image'), /FIELD: image <string>/)
    t.match(await kubectl.ok('explain deployment --recursive'), /revisionHistoryLimit/)
    t.match(await kubectl.ok('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/)
    t.match(await kubectl.ok('api-versions'), /apps\/v1/)
    t.match(await kubectl.ok('version'), /Server Version: .*v1\.32\.4\+holdfast/)
    t.match(await kubectl.ok('cluster-info'), /control plane/i)
    t.match(await kubectl.ok('create -f - --dry-run=client -o yaml', deployment()), /my-deployment/)
  },

  async 'custom kinds from definition to deletion'(t, kubectl) {
    await kubectl.ok('apply -f -', WIDGETS)
    await kubectl.ok('wait --for=condition=Established crd/widgets.example.com --timeout=20s')
    t.match(await kubectl.ok('apply -f -', widget('small')), /widget.example.com\/w created/)
    t.match(await kubectl.ok('get wd'), /NAME +SIZE\nw +small/)
    t.match(await kubectl.fails('apply -f -', widget('huge')), /supported values: "small", "large"/)
    t.match(await kubectl.fails('apply -f -', widget('small', ', colour: red')), /unknown field "spec.colour"/)
    t.match(await kubectl.fails('patch wd w --type=strategic -p {}'), /media type|unsupported/i)
    await kubectl.ok('patch wd w --type=merge -p \'{"spec":{"size":"large"}}\'')
    await kubectl.ok('scale wd w --replicas=4')
    t.equal(await kubectl.ok("get wd w -o jsonpath='{.spec.size} {.spec.replicas}'"), 'large 4')
    t.match(await kubectl.ok('apply --server-side --force-conflicts -f -', widget('small')), /serverside-applied/)
    t.match(await kubectl.ok('explain widget.spec'), /What the widget should be/)
    t.match(await kubectl.ok('describe wd w'), /Size: +small/)
    await kubectl.ok('delete crd widgets.example.com --timeout=20s')
    t.match(await kubectl.fails('get wd'), /doesn't have a resource type|could not find/)
  },

  async 'wait and watch see what happens'(t, kubectl) {
    const watch = kubectl.spawn(['get', 'cm', '-w', '--output-watch-events'])
    t.teardown(() => watch.kill())
    let seen = ''
    watch.stdout?.on('data', (data: Buffer) => (seen += data.toString()))
    await kubectl.ok('create configmap watched --from-literal=a=1')
    await eventually(() => /ADDED +watched/.test(seen), WITHIN_MS)
    await kubectl.ok('label cm watched x=y')
    await eventually(() => /MODIFIED +watched/.test(seen), WITHIN_MS)
    await kubectl.ok("wait --for=jsonpath='{.data.a}'=1 cm/watched --timeout=10s")
    await kubectl.ok('delete cm watched')
    await eventually(() => /DELETED +watched/.test(seen), WITHIN_MS)
  },

  async 'delete by name, label and all, forced and orphaning'(t, kubectl) {
    await kubectl.ok('apply -f -', deployment())
    for (const name of ['a', 'b', 'c']) await kubectl.ok(`create configmap ${name} --from-literal=k=${name}`)
    await kubectl.ok('label cm a b x=y')
    t.match(await kubectl.ok('delete cm -l x=y'), /"a" deleted.*"b" deleted/s)
    t.match(await kubectl.ok('delete cm --all'), /"c" deleted/)
    t.match(await kubectl.ok('delete deploy my-deployment --cascade=orphan --wait=false'), /deleted/)
    await kubectl.ok('run one --image=nginx')
    t.match(await kubectl.ok('delete pod one --grace-period=0 --force'), /deleted/)
    t.match(await kubectl.fails('delete cm nothere'), /NotFound/)
  },

  async 'nodes are cordoned and tainted'(t, kubectl) {
    await kubectl.ok('create -f -', 'apiVersion: v1\nkind: Node\nmetadata: {name: edge-1}\n')
    t.match(await kubectl.ok('cordon edge-1'), /cordoned/)
    t.match(await kubectl.ok('get node edge-1'), /SchedulingDisabled/)
    await kubectl.ok('uncordon edge-1')
    await kubectl.ok('taint node edge-1 key=value:NoSchedule')
    t.match(await kubectl.ok('describe node edge-1'), /key=value:NoSchedule/)
  },
}

const TIMEOUT_MS = 120_000
/** Some 60 commands for each kubectl, and each is a process that starts. */
fileWithin(t, 600_000)
const programs = kubectls()
const reason = skipUnless('kubectl', programs[0])
if (reason) t.test('what people do with kubectl', { skip: reason }, async () => {})
for (const program of programs) {
  for (const [name, story] of Object.entries(stories)) {
    t.test(`${basename(program)}: ${name}`, { timeout: TIMEOUT_MS }, async (t) => {
      const hub = await startTestHub()
      const kubectl = createKubectl(program, { url: hub.url, caPem: hub.caPem, token: hub.tokens.admin })
      t.teardown(async () => {
        kubectl.remove()
        await hub.stop()
      })
      await story(t, kubectl, t.testdir())
    })
  }
}
