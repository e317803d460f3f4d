// registry.test.ts - images from a registry: one that is there, one that says no, one that wants to know who asks, one that is gone
import t, { type Test } from 'tap'
import { fileWithin } from '../support/file-within.ts'
import { ensureMyImages, fileSystem, MY_IMAGE } from '../support/my-image.ts'
import { skipCluster, startCluster, type Cluster } from '../support/processes.ts'
import { startRegistryStub } from '../support/registry-stub.ts'
import { apply, FOR_EVER, podManifest, shell, untilReady, untilShown, untilTold } from './desk.ts'

const TIMEOUT_MS = 180_000
fileWithin(t, TIMEOUT_MS)

/** Each registry has an address of its own, so what one test pulls is not there for the next. */
async function startRegistry(t: Test, { engine }: Cluster, login?: string) {
  const registry = await startRegistryStub({
    repository: 'shop/app',
    fileSystem: fileSystem('page from a registry\n'),
    command: ['sh', '-c', FOR_EVER],
    ...(login && { login }),
  })
  const image = `${registry.address}/shop/app`
  t.teardown(async () => {
    await registry.stop()
    for (const tag of ['1', '2'])
      await engine.client
        .call({ method: 'DELETE', path: `/images/${image}:${tag}`, query: { force: true } })
        .catch((error: unknown) => t.comment(`${image}:${tag} stays: ${String(error)}`))
  })
  return { registry, image }
}

const from = (image: string, imagePullPolicy = 'IfNotPresent') => shell(FOR_EVER, { image, imagePullPolicy })

const reason = skipCluster()
void t.test('images come from a registry', { skip: reason ?? false, timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { agents: 1 })
  const { kubectl, engine } = cluster
  await ensureMyImages(engine)

  await t.test('an image that is there is pulled once, and again when it is asked for always', async (t) => {
    const { registry, image } = await startRegistry(t, cluster)
    await apply(kubectl, podManifest('first', from(`${image}:1`)))
    await untilReady(kubectl, 'first')
    await untilTold(
      kubectl,
      'pod first',
      /Normal +Pulling .*Pulling image ".*shop\/app:1"/,
      /Normal +Pulled .*Successfully pulled image ".*shop\/app:1" in/,
    )
    t.equal(await kubectl.ok('exec first -- cat /www/index.html'), 'page from a registry\n')
    const before = registry.asked.length
    await apply(kubectl, podManifest('again', from(`${image}:1`)))
    await untilReady(kubectl, 'again')
    t.equal(registry.asked.length, before, 'nobody asked')
    await apply(kubectl, podManifest('always', from(`${image}:1`, 'Always')))
    await untilReady(kubectl, 'always')
    t.ok(registry.asked.length > before, 'somebody asked')
    await kubectl.ok('delete pod --all --timeout=60s')
  })

  await t.test('an image that is not there is told as ErrImagePull, then as ImagePullBackOff', async (t) => {
    const { registry } = await startRegistry(t, cluster)
    await apply(kubectl, podManifest('nothing', from(`${registry.address}/shop/nothing:1`)))
    await untilShown(kubectl, 'nothing', /^(ErrImagePull|ImagePullBackOff)$/)
    await untilShown(kubectl, 'nothing', /^ImagePullBackOff$/)
    await untilTold(
      kubectl,
      'pod nothing',
      /Failed to pull image ".*shop\/nothing:1": .*(manifest unknown|not found)/,
      /Error: ErrImagePull/,
      /Normal +BackOff .*Back-off pulling image/,
    )
    await kubectl.ok('delete pod nothing --timeout=30s')
  })

  await t.test('who may pull is told by a secret of the pod', async (t) => {
    const { registry, image } = await startRegistry(t, cluster, 'shop:open sesame')
    await apply(kubectl, podManifest('stranger', from(`${image}:2`)))
    await untilShown(kubectl, 'stranger', /^(ErrImagePull|ImagePullBackOff)$/)
    await untilTold(kubectl, 'pod stranger', /Failed to pull image.*(no basic auth|unauthorized|authentication)/i)
    const login = `--docker-server=${registry.address} --docker-username=shop --docker-password='open sesame'`
    await kubectl.ok(`create secret docker-registry shop ${login}`)
    await apply(kubectl, podManifest('known', from(`${image}:2`), { imagePullSecrets: [{ name: 'shop' }] }))
    await untilReady(kubectl, 'known')
    await kubectl.ok('delete pod --all --timeout=60s')
  })

  await t.test('Always asks the registry: its no counts, its silence does not', async (t) => {
    const { registry } = await startRegistry(t, cluster)
    const repo = `${registry.address}/shop/local`
    await engine.client.call({ method: 'POST', path: `/images/${MY_IMAGE}/tag`, query: { repo, tag: '1' } })
    t.teardown(() => engine.client.call({ method: 'DELETE', path: `/images/${repo}:1` }))
    await apply(kubectl, podManifest('refused', from(`${repo}:1`, 'Always')))
    await untilShown(kubectl, 'refused', /^(ErrImagePull|ImagePullBackOff)$/)
    await kubectl.ok('delete pod refused --timeout=30s')
    await registry.stop()
    await apply(kubectl, podManifest('offline', from(`${repo}:1`, 'Always')))
    await untilReady(kubectl, 'offline')
    await untilTold(kubectl, 'pod offline', /already present on machine; the registry could not be asked/)
    await kubectl.ok('delete pod offline --timeout=30s')
  })
})
