// pods.test.ts - what becomes of single pods on a real engine, in the words that kubectl shows
import t, { type Test } from 'tap'
import type { Pod } from '../../shared/kinds/object.ts'
import { eventually } from '../support/eventually.ts'
import { fileWithin } from '../support/file-within.ts'
import { freePort } from '../support/free-port.ts'
import { fetchText } from '../support/http.ts'
import { ensureMyImages } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { apply, FOR_EVER, podManifest, shell, untilReady, untilShown, untilTold, WITHIN_MS } from './desk.ts'

const TIMEOUT_MS = 240_000
fileWithin(t, TIMEOUT_MS)

type Story = (t: Test, cluster: Cluster) => Promise<void>

const touch = (path: string) => `touch ${path}; ${FOR_EVER}`
const exec = (...command: string[]) => ({ exec: { command } })
/** What a program says counts here, not how long it takes to ask it: a second is too short on a busy machine. */
const probe = (...command: string[]) => ({ ...exec(...command), periodSeconds: 1, timeoutSeconds: 30 })

const stories: Record<string, Story> = {
  async 'init containers run in order before the app, sidecars beside it'(t, { kubectl }) {
    const volumeMounts = [{ name: 'work', mountPath: '/work' }]
    const init = (name: string, script: string, rest = {}) => shell(script, { name, volumeMounts, ...rest })
    const app = shell('cat /work/seen; sleep 1', { volumeMounts })
    await apply(
      kubectl,
      podManifest('ordered', app, {
        restartPolicy: 'Never',
        initContainers: [
          init('first', 'echo first >> /work/seen'),
          init('beside', `echo beside >> /work/seen; ${touch('/work/up')}`, {
            restartPolicy: 'Always',
            startupProbe: probe('test', '-f', '/work/up'),
          }),
          init('last', 'echo last >> /work/seen'),
        ],
        volumes: [{ name: 'work', emptyDir: {} }],
      }),
    )
    await untilShown(kubectl, 'ordered', /^Completed$/)
    t.equal(await kubectl.ok('logs ordered -c app'), 'first\nbeside\nlast\n')
    // kubectl shows the app's end already; the sidecar ends after it.
    const status = await eventually(async () => {
      const { status: seen } = await kubectl.json<Pod>('get pod ordered')
      return seen?.phase === 'Succeeded' && seen
    }, WITHIN_MS)
    t.match(status.initContainerStatuses?.[1]?.state, { terminated: { exitCode: 0 } }, 'the sidecar has ended too')
  },

  async 'an init container that fails holds the pod up and says so'(t, { kubectl }) {
    const initContainers = [shell('echo no; exit 3', { name: 'check' })]
    await apply(kubectl, podManifest('held', shell(FOR_EVER), { initContainers }))
    await untilShown(kubectl, 'held', /^Init:(Error|CrashLoopBackOff)$/)
    await untilShown(kubectl, 'held', /^Init:CrashLoopBackOff$/)
    t.match(await kubectl.ok('logs held -c check'), /no/)
  },

  async 'a container that stops answering is restarted, one that is not ready gets no work'(t, { kubectl }) {
    await apply(
      kubectl,
      podManifest(
        'probed',
        shell(touch('/tmp/alive'), {
          startupProbe: probe('test', '-f', '/tmp/alive'),
          livenessProbe: { ...probe('test', '-f', '/tmp/alive'), failureThreshold: 1 },
          readinessProbe: probe('test', '-f', '/tmp/ready'),
        }),
      ),
    )
    await untilShown(kubectl, 'probed', /^Running$/)
    t.match(await kubectl.ok('get pod probed'), /probed +0\/1 +Running/)
    await kubectl.ok('exec probed -- touch /tmp/ready')
    await untilReady(kubectl, 'probed')
    await kubectl.ok('exec probed -- rm /tmp/ready')
    await eventually(async () => /probed +0\/1 +Running/.test(await kubectl.ok('get pod probed')), WITHIN_MS)
    await kubectl.ok('exec probed -- rm /tmp/alive')
    await eventually(async () => /probed +\d\/1 +Running +1 /.test(await kubectl.ok('get pod probed')), WITHIN_MS)
    await untilTold(
      kubectl,
      'pod probed',
      /Unhealthy.*Readiness probe failed/,
      /Unhealthy.*Liveness probe failed/,
      /Container app failed liveness probe, will be restarted/,
    )
  },

  async 'a slow start is given its time'(t, { kubectl }) {
    await apply(
      kubectl,
      podManifest(
        'slow',
        shell(`sleep 3; ${touch('/tmp/up')}`, {
          startupProbe: { ...probe('test', '-f', '/tmp/up'), failureThreshold: 30 },
          livenessProbe: { ...probe('test', '-f', '/tmp/up'), failureThreshold: 1 },
        }),
      ),
    )
    await untilReady(kubectl, 'slow')
    t.match(await kubectl.ok('get pod slow'), /1\/1 +Running +0 /)
  },

  async 'ends are told in upstream words'(t, { kubectl }) {
    const memory = { resources: { limits: { memory: '24Mi' } } }
    const never = { restartPolicy: 'Never' }
    await apply(
      kubectl,
      podManifest('crashing', shell('echo bang; exit 1')),
      podManifest('done', shell('echo done'), never),
      podManifest('failing', shell('exit 9'), never),
      // A moment between: an engine whose cgroup is gone when it looks does not hear of the kill at all.
      podManifest('eating', shell('tail /dev/zero; code=$?; sleep 1; exit $code', memory), never),
      podManifest('wrong', { ...shell(''), command: ['/no/such/program'] }),
      podManifest('unset', shell(FOR_EVER, { envFrom: [{ configMapRef: { name: 'nowhere' } }] })),
    )
    t.match(await untilShown(kubectl, 'done', /^Completed$/), /0\/1/)
    await untilShown(kubectl, 'failing', /^Error$/)
    await untilShown(kubectl, 'eating', /^OOMKilled$/)
    await untilShown(kubectl, 'unset', /^CreateContainerConfigError$/)
    await untilShown(kubectl, 'wrong', /^(RunContainerError|CrashLoopBackOff|StartError)$/)
    t.match(await untilShown(kubectl, 'crashing', /^CrashLoopBackOff$/), / [1-9]\d* \(\d+s ago\)/)
    t.match(await kubectl.ok('logs crashing --previous'), /bang/)
    await untilTold(
      kubectl,
      'pod crashing',
      /Last State: +Terminated\s+Reason: +Error\s+Exit Code: +1/,
      /Back-off restarting failed container app in pod crashing_default/,
    )
    await untilTold(kubectl, 'pod unset', /configmap "nowhere" not found/)
    t.match(await kubectl.ok('describe pod eating'), /Reason: +OOMKilled\s+Exit Code: +137/)
    await kubectl.ok('create configmap nowhere --from-literal=A=b')
    await untilReady(kubectl, 'unset')
    t.equal(await kubectl.ok("exec unset -- sh -c 'echo $A'"), 'b\n')
  },

  async 'what a program says about its end is shown, and a typo in a command ends what runs once'(t, { kubectl }) {
    const never = { restartPolicy: 'Never' }
    const orLogs = { terminationMessagePolicy: 'FallbackToLogsOnError' }
    await apply(
      kubectl,
      podManifest('telling', shell('echo no database > /dev/termination-log; exit 3'), never),
      podManifest('logging', shell('echo bad config; exit 4', orLogs), never),
      podManifest('mistyped', { ...shell(''), command: ['/no/such/program'] }, never),
    )
    await untilTold(kubectl, 'pod telling', /Reason: +Error\s+Message: +no database\s+Exit Code: +3/)
    await untilTold(kubectl, 'pod logging', /Reason: +Error\s+Message: +bad config\s+Exit Code: +4/)
    await kubectl.ok('wait --for=jsonpath={.status.phase}=Failed pod/mistyped --timeout=60s')
    t.match(await kubectl.ok('describe pod mistyped'), /Message: .*no such file[^]*Exit Code: +127/)
  },

  async 'a container for debugging sees the processes of the one that it is to look into'(t, { kubectl }) {
    await apply(kubectl, podManifest('looked-at', shell(`: the program; ${FOR_EVER}`)))
    await untilReady(kubectl, 'looked-at')
    const image = (await kubectl.json<Pod>('get pod looked-at')).spec.containers[0]?.image
    await kubectl.ok(`debug looked-at --image=${image} --target=app -c look -- sh -c ps`)
    await eventually(async () => /the program/.test(await kubectl.ok('logs looked-at -c look')), WITHIN_MS)
    t.pass('it does')
  },

  async 'a pod that is active for too long fails, and says so'(t, { kubectl }) {
    await apply(
      kubectl,
      podManifest('brief', shell(FOR_EVER), { activeDeadlineSeconds: 3, terminationGracePeriodSeconds: 1 }),
    )
    await kubectl.ok('wait --for=jsonpath={.status.phase}=Failed pod/brief --timeout=60s')
    t.match(await kubectl.ok('describe pod brief'), /Status: +Failed\nReason: +DeadlineExceeded/)
  },

  async 'settings reach a running pod'(t, { kubectl }) {
    const settings = (colour: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'paint' },
      data: { COLOUR: colour },
    })
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login' }, stringData: { PASSWORD: 'sesame' } }
    const app = shell(FOR_EVER, {
      envFrom: [{ configMapRef: { name: 'paint' } }, { secretRef: { name: 'login' }, prefix: 'MY_' }],
      env: [{ name: 'HERE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      volumeMounts: [{ name: 'paint', mountPath: '/paint' }],
    })
    const volumes = [{ name: 'paint', configMap: { name: 'paint' } }]
    await apply(kubectl, settings('green'), secret, podManifest('set', app, { volumes }))
    await untilReady(kubectl, 'set')
    t.equal(await kubectl.ok("exec set -- sh -c 'echo $COLOUR $MY_PASSWORD $HERE'"), 'green sesame set\n')
    t.equal(await kubectl.ok('exec set -- cat /paint/COLOUR'), 'green')
    await apply(kubectl, settings('blue'))
    await eventually(async () => (await kubectl.ok('exec set -- cat /paint/COLOUR')) === 'blue', WITHIN_MS)
    t.match(await kubectl.ok('get pod set'), /1\/1 +Running +0 /)
  },

  async 'a port of the device leads into the pod'(t, { kubectl }) {
    const port = await freePort()
    const app = shell(`httpd -p 8080 -h /www; ${FOR_EVER}`, { ports: [{ containerPort: 8080, hostPort: port }] })
    await apply(kubectl, podManifest('door', app))
    await untilReady(kubectl, 'door')
    t.equal(await fetchText(`http://127.0.0.1:${port}/`), 'page of my-image:latest\n')
  },

  async 'a pod is told when it has started and before it goes, and killed when it does not listen'(
    t,
    { kubectl, dir },
  ) {
    const volumeMounts = [{ name: 'out', mountPath: '/out' }]
    const polite = shell(FOR_EVER, {
      volumeMounts,
      lifecycle: {
        postStart: exec('sh', '-c', 'echo begun >> /out/said'),
        preStop: exec('sh', '-c', 'echo hook >> /out/said'),
      },
    })
    polite.command = ['sh', '-c', `trap 'echo term >> /out/said; exit 0' TERM; ${FOR_EVER}`]
    const volumes = [{ name: 'out', hostPath: { path: `${dir}/shared`, type: 'DirectoryOrCreate' } }]
    const deaf = { ...shell(''), command: ['sh', '-c', "trap '' TERM; while true; do sleep 1; done"] }
    const reader = shell(FOR_EVER, { volumeMounts })
    await apply(
      kubectl,
      podManifest('polite', polite, { volumes }),
      podManifest('deaf', deaf, { terminationGracePeriodSeconds: 1 }),
    )
    await untilReady(kubectl, 'polite')
    await untilReady(kubectl, 'deaf')
    await kubectl.ok('delete pod polite deaf --timeout=30s')
    await apply(kubectl, podManifest('reader', reader, { volumes }))
    await untilReady(kubectl, 'reader')
    t.equal(await kubectl.ok('exec reader -- cat /out/said'), 'begun\nhook\nterm\n')
  },

  async 'a pod is as restricted as it asked to be'(t, { kubectl }) {
    const app = shell(FOR_EVER, {
      securityContext: {
        runAsUser: 1234,
        runAsGroup: 2345,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      },
    })
    await apply(kubectl, podManifest('bound', app))
    await untilReady(kubectl, 'bound')
    t.match(await kubectl.ok('exec bound -- id'), /uid=1234 gid=2345/)
    t.match(await kubectl.fails('exec bound -- touch /tmp/x'), /Read-only file system/)
    t.match(await kubectl.ok('exec bound -- grep CapBnd /proc/1/status'), /CapBnd:\s+0000000000000000/)
  },

  async 'a plain process is a pod like any other'(t, { kubectl }) {
    const script = 'let n = 0; console.log(process.env.WHO, process.pid); setInterval(() => console.log(++n), 200)'
    const app = {
      name: 'app',
      image: 'node',
      command: ['node', '-e', script],
      env: [{ name: 'WHO', value: 'a process' }],
    }
    await apply(kubectl, podManifest('plain', app, { runtimeClassName: 'process' }))
    await untilReady(kubectl, 'plain')
    const log = await eventually(
      async () => /^a process (\d+)\n1\n2\n/.exec(await kubectl.ok('logs plain')) ?? false,
      WITHIN_MS,
    )
    t.equal(await kubectl.ok('exec plain -- printenv WHO'), 'a process\n')
    await kubectl.ok(`exec plain -- kill -9 ${log[1]}`)
    await eventually(async () => /plain +1\/1 +Running +1 /.test(await kubectl.ok('get pod plain')), WITHIN_MS)
    t.match(await kubectl.ok('describe pod plain'), /Container ID: +process:\/\//)
    await kubectl.ok('delete pod plain --timeout=30s')
  },
}

const reason = skipCluster()
void t.test('pods on real devices', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { agents: 1, agentFlags: ['--host-path-allowed', '/tmp'] })
  await ensureMyImages(cluster.engine)
  for (const [name, story] of Object.entries(stories))
    await t.test(name, { timeout: TIMEOUT_MS }, (t) => story(t, cluster))
})
