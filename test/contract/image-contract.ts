// image-contract.ts - what is on the device, what can be had, and why not
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ImageError } from '../../agent/runtime/runtime.ts'
import { readLogs } from './conversation.ts'
import type { Check } from './harness.ts'

export const imageContract = (): Record<string, Check> => ({
  'a runtime says what it is': {
    async run(t, { runtime }) {
      const info = await runtime.info()
      t.equal(info.name, runtime.name)
      t.match(info, { version: /^[a-z]+:\/\/\d/, os: 'linux', architecture: /^[a-z0-9]+$/ })
    },
  },
  'an image on the device is found': {
    async run(t, { runtime, harness }) {
      t.match(await runtime.findImage(harness.image), { id: /./, user: '' })
    },
  },
  'an image that is not on the device is not found, and nothing starts from it': {
    needs: 'images',
    async run(t, { runtime, spec }) {
      t.equal(await runtime.findImage('holdfast.invalid/no-such-image:1'), undefined)
      const creating = runtime.createContainer(spec('runs', { image: 'holdfast.invalid/no-such-image:1' }))
      await t.rejects(creating, { name: 'StartError', reason: 'CreateContainerError' })
    },
  },
  'a pull that cannot work says why in upstream words': {
    needs: 'images',
    async run(t, { runtime }) {
      const signal = new AbortController().signal
      const invalid = await runtime.pull({ image: '//bad name', signal }).catch((error: unknown) => error)
      t.ok(invalid instanceof ImageError)
      t.match(invalid, { reason: 'InvalidImageName', message: /couldn't parse image name/ })
      const missing = await runtime.pull({ image: '127.0.0.1:9/nothing:1', signal }).catch((error: unknown) => error)
      t.ok(missing instanceof ImageError)
      t.match(missing, { reason: /^(ErrImagePull|RegistryUnavailable)$/ })
    },
  },
  'the environment and the working directory are the pod’s': {
    needs: 'programs',
    async run(t, { runtime, run, untilExited }) {
      const id = await run('showsEnv', { env: [['GREETING', 'a "quoted" $value']], workingDir: '/tmp' })
      await untilExited(id)
      t.equal((await readLogs(runtime, id)).all, 'a "quoted" $value\n/tmp\n')
    },
  },
  'volumes of the device are read and written, temporary ones are there': {
    needs: 'programs',
    async run(t, { runtime, run, untilExited }) {
      const source = mkdtempSync('/tmp/holdfast-volume-')
      t.teardown(() => rmSync(source, { recursive: true }))
      writeFileSync(`${source}/note`, 'from the device\n')
      const id = await run('readsVolume', {
        mounts: [
          { type: 'bind', source, target: '/data', readOnly: false },
          { type: 'tmpfs', source: '', target: '/scratch', readOnly: false, sizeBytes: 1 << 20 },
        ],
      })
      await untilExited(id)
      t.equal((await readLogs(runtime, id)).all, 'from the device\nscratch-ok\n')
      t.equal(readFileSync(`${source}/answer`, 'utf8'), 'new\n')
    },
  },
  'the program runs as the user that the pod asks for': {
    needs: 'users',
    async run(t, { runtime, run, untilExited }) {
      const id = await run('showsUser', { security: { runAsUser: 12_345, runAsGroup: 12_346 } })
      await untilExited(id)
      t.equal((await readLogs(runtime, id)).all, '12345\n12346\n')
    },
  },
})
