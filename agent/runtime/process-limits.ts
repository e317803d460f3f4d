// process-limits.ts - what a pod asks for and a plain process cannot be held to
import { hasMessageFile } from './process-launch.ts'
import type { ContainerSpec } from './runtime.ts'

/** In the words of the pod spec, so that a user finds the line. Control groups would need rights that agents lack. */
export function unenforced(spec: ContainerSpec) {
  const { resources, security, mounts, network, stdin, tty, hostAliases, dns, termination } = spec
  const asked: readonly (readonly [name: string, isAsked: unknown])[] = [
    ['resources.limits.memory', resources.memoryLimitBytes],
    ['resources.limits.cpu', resources.cpuLimitMilli],
    ['securityContext.readOnlyRootFilesystem', security.readOnlyRootFilesystem],
    ['securityContext.capabilities', security.addCapabilities ?? security.dropCapabilities],
    ['securityContext.supplementalGroups', security.supplementalGroups?.length],
    ['volumeMounts.readOnly', mounts.some((mount) => mount.readOnly)],
    ['a network of its own', network.kind === 'own' && (hostAliases.length > 0 || dns !== undefined)],
    ['stdin', stdin],
    ['tty', tty],
    ['terminationMessagePath', termination && !hasMessageFile(spec)],
  ]
  return asked.filter(([, isAsked]) => Boolean(isAsked)).map(([name]) => name)
}
