// reach.ts - whether the fence could kill what a runtime runs: it must see its processes, and may signal them
import type { DockerAddress } from '../../shared/docker-address.ts'
import type { FenceRuntime } from './fence-text.ts'

/** Undefined when it can. */
export function whyNoFence(runtime: FenceRuntime, docker: DockerAddress | undefined): string | undefined {
  if (runtime === 'process') return undefined
  if (docker?.kind !== 'unix') return 'its container engine is on another machine'
  if (process.getuid?.() === 0) return undefined
  const own = process.env['XDG_RUNTIME_DIR']
  // Of a rootless engine the user owns the processes too.
  return own && docker.socketPath.startsWith(`${own}/`)
    ? undefined
    : 'the agent must run as root to stop containers without their engine'
}
