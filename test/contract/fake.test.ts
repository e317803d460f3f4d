// fake.test.ts - the fake runtime keeps the contract, so what is tested with it holds on a device
import t from 'tap'
import { systemClock } from '../../shared/clock.ts'
import { createFakeRuntime } from '../support/fake-runtime.ts'
import { behaviours, scripts } from './programs.ts'
import type { Harness } from './harness.ts'
import { runtimeContract } from './runtime-contract.ts'

void t.test('The fake runtime keeps the contract', (t) =>
  runtimeContract(t, 'fake', async (): Promise<Harness> => {
    const runtime = createFakeRuntime({ clock: systemClock, images: ['busybox'] })
    for (const [program, script] of Object.entries(scripts)) {
      const behaviour = Object.entries(behaviours).find(([name]) => name === program)?.[1]
      runtime.behave((spec) => spec.command?.at(-1) === script, behaviour ?? {})
    }
    return {
      capabilities: {
        images: true,
        separateStreams: true,
        exactLogTimes: true,
        stdin: false,
        programs: false,
        networks: false,
        users: false,
        foreigners: false,
        messageFiles: false,
        limits: false,
      },
      image: 'busybox',
      folder: '/nowhere',
      open: async () => runtime,
      async openUnavailable() {
        const off = createFakeRuntime({ clock: systemClock })
        off.setAvailable(false)
        return off
      },
      makeForeign: () => Promise.reject(new Error('nothing foreign can be here')),
      close: async () => undefined,
    }
  }),
)
