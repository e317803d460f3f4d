// container-spec.ts - a ContainerSpec with defaults, for tests of runtimes
import type { ContainerIdentity, ContainerSpec } from '../../agent/runtime/runtime.ts'

export type SpecChange = Partial<Omit<ContainerSpec, 'identity'>> & { identity?: Partial<ContainerIdentity> }

export function containerSpec(change: SpecChange = {}): ContainerSpec {
  const { identity, ...rest } = change
  return {
    image: 'busybox',
    env: [],
    mounts: [],
    ports: [],
    network: { kind: 'own' },
    hostAliases: [],
    resources: {},
    security: {},
    stdin: false,
    stdinOnce: false,
    tty: false,
    ...rest,
    identity: {
      podUid: 'b3a8f5a0-0000-4000-8000-000000000001',
      namespace: 'default',
      pod: 'web',
      container: 'main',
      role: 'app',
      attempt: 0,
      specHash: 'hash-1',
      ...identity,
    },
  }
}
