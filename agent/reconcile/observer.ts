// observer.ts - what the runtimes were last seen to hold; a runtime that does not answer keeps what was seen
import type { ObservedContainer, Runtime, RuntimeName } from '../runtime/runtime.ts'

export interface Observer {
  /** Lists one runtime. Throws RuntimeUnavailable; then nothing is forgotten. */
  relist(runtime: Runtime): Promise<void>
  /** Looks at single containers again. */
  refresh(runtime: Runtime, ids: readonly string[]): Promise<void>
  ofPod(podUid: string): readonly ObservedContainer[]
  podUids(): readonly string[]
  /** Undefined when no container of the pod was ever seen. */
  runtimeOf(podUid: string): RuntimeName | undefined
  identityOf(podUid: string): { namespace: string; name: string } | undefined
  /** Something is being done to the pod: a list that was begun before says nothing about it. */
  touch(podUid: string): void
  forget(podUid: string): void
  /** Whether it answered at least once. */
  hasSeen(runtime: RuntimeName): boolean
}

interface Seen {
  container: ObservedContainer
  runtime: RuntimeName
  /** Number of the look that said so. */
  look: number
}

export function createObserver(): Observer {
  const containers = new Map<string, Seen>()
  const touched = new Map<string, number>()
  /** What was found gone, by the look that found it; a slower, older look must not bring it back. */
  const gone = new Map<string, number>()
  const answered = new Set<RuntimeName>()
  let looks = 0

  const note = (runtime: Runtime, id: string, container: ObservedContainer | undefined, look: number) => {
    const before = containers.get(id)
    // Of two looks the one that was begun later counts, whatever order they came back in.
    if (Math.max(before?.look ?? 0, gone.get(id) ?? 0) > look) return
    if (container) return void containers.set(id, { container, runtime: runtime.name, look })
    containers.delete(id)
    gone.set(id, look)
  }
  const inPod = (podUid: string) =>
    [...containers.values()].filter(({ container }) => container.identity.podUid === podUid)

  return {
    async relist(runtime) {
      const look = ++looks
      const listed = await runtime.list()
      answered.add(runtime.name)
      const ids = new Set(listed.map(({ id }) => id))
      const isOld = (podUid: string) => (touched.get(podUid) ?? 0) > look
      for (const container of listed)
        if (!isOld(container.identity.podUid)) note(runtime, container.id, container, look)
      for (const [id, seen] of containers) {
        if (seen.runtime !== runtime.name || ids.has(id) || seen.look > look) continue
        if (!isOld(seen.container.identity.podUid)) containers.delete(id)
      }
      for (const [id, at] of gone) if (at < look) gone.delete(id)
    },
    async refresh(runtime, ids) {
      await Promise.all(
        ids.map(async (id) => {
          const look = ++looks
          note(runtime, id, await runtime.inspect(id), look)
        }),
      )
    },
    ofPod: (podUid) => inPod(podUid).map(({ container }) => container),
    podUids: () => [...new Set([...containers.values()].map(({ container }) => container.identity.podUid))],
    runtimeOf: (podUid) => inPod(podUid)[0]?.runtime,
    identityOf(podUid) {
      const identity = inPod(podUid)[0]?.container.identity
      return identity && { namespace: identity.namespace, name: identity.pod }
    },
    touch: (podUid) => void touched.set(podUid, ++looks),
    forget: (podUid) => void touched.delete(podUid),
    hasSeen: (runtime) => answered.has(runtime),
  }
}
