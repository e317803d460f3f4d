// promises.ts - what people were promised at the API: every acknowledged write is there until the next one
import type { HubCore } from '../../hub/core.ts'
import { CONFIG_MAP } from '../../shared/kinds/config-map.ts'
import { DAEMON_SET } from '../../shared/kinds/daemon-set.ts'
import { DEPLOYMENT } from '../../shared/kinds/deployment.ts'
import { StatusError } from '../../shared/kinds/status-error.ts'
import type { Rules } from './rules.ts'
import type { Trace } from './trace.ts'

/** What a key must show: undefined when it must not be there. */
type Value = string | undefined

interface Register {
  acked: { value: Value } | undefined
  /** Asked for, and nobody has said yes. */
  pending: { value: Value }[]
}

export interface Promises {
  /** Does the work, and waits for the answer on its own. */
  write(core: HubCore, key: string, value: Value, work: () => void): void
  /** What is there now, as people wrote it. */
  valueOf(core: HubCore, key: string): Value
  check(core: HubCore): void
  restored(): void
}

export const WHO = 'user'
export const NAMESPACE = 'default'

export function createPromises({ rules, trace }: { rules: Rules; trace: Trace }): Promises {
  const registers = new Map<string, Register>()

  const registerOf = (key: string): Register => {
    const register = registers.get(key) ?? { acked: undefined, pending: [] }
    registers.set(key, register)
    return register
  }

  function write(core: HubCore, key: string, value: Value, work: () => void): void {
    trace.note(WHO, `writes ${key}`, value ?? 'nothing')
    const register = registerOf(key)
    const wish = { value }
    try {
      work()
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      return trace.note(WHO, 'is refused', error.message)
    }
    register.pending.push(wish)
    core.store.durable().then(
      () => {
        register.acked = wish
        register.pending = register.pending.slice(register.pending.indexOf(wish) + 1)
      },
      (error: unknown) => trace.note(WHO, 'gets no answer', error),
    )
  }

  function valueOf(core: HubCore, key: string): Value {
    const [kind, name = ''] = key.split(' ')
    if (kind === 'note') return core.objects.get(CONFIG_MAP, NAMESPACE, name)?.data?.['value']
    const object =
      kind === 'deployment'
        ? core.objects.get(DEPLOYMENT, NAMESPACE, name)
        : core.objects.get(DAEMON_SET, NAMESPACE, name)
    return object && shown(object)
  }

  function check(core: HubCore): void {
    for (const [key, register] of registers) {
      const found = valueOf(core, key)
      const allowed = [...(register.acked ? [register.acked] : [{ value: undefined }]), ...register.pending]
      const match = allowed.findLast(({ value }) => value === found)
      if (!match)
        rules.broken(
          'what was acknowledged is never lost',
          `${key} is "${found}", promised was "${register.acked?.value}"${register.pending.map(({ value }) => `, asked "${value}"`).join('')}`,
        )
      register.acked = { value: found }
      register.pending = []
    }
  }

  return { write, valueOf, check, restored: () => registers.clear() }
}

interface Shown {
  metadata: { deletionTimestamp?: string }
  spec: { replicas?: number; template: { spec?: { containers: readonly { image?: string }[] } } }
}

/** What people wrote there and nobody else may change; an object that waits for its end counts as gone. */
function shown({ metadata, spec }: Shown): Value {
  if (metadata.deletionTimestamp !== undefined) return undefined
  const image = spec.template.spec?.containers[0]?.image ?? ''
  return spec.replicas === undefined ? image : `${spec.replicas} ${image}`
}
