// power.ts - a runtime whose device loses power at the so-manyth change: nothing is done or answered after it
import { RuntimeUnavailable, type Runtime } from '../../agent/runtime/runtime.ts'

export interface Power {
  /** The same runtime, until the power goes. */
  through(runtime: Runtime): Runtime
  /** Goes with the so-manyth change from now, which is still done when `isDone`. */
  cutAt(change: number, isDone: boolean): void
  restore(): void
  readonly isCut: boolean
  /** Changes since `cutAt`. */
  readonly changes: number
}

export function createPower(): Power {
  let isCut = false
  let changes = 0
  let cut = { at: Infinity, isDone: false }
  const dark = () => Promise.reject(new RuntimeUnavailable('the power is cut'))
  const asking =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      isCut ? dark() : call(...args)
  const changing =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isCut) return dark()
      if (++changes < cut.at) return call(...args)
      isCut = true
      if (cut.isDone) await call(...args)
      return dark()
    }
  return {
    through: (runtime) => ({
      ...runtime,
      list: asking(runtime.list),
      inspect: asking(runtime.inspect),
      findImage: asking(runtime.findImage),
      pull: changing(runtime.pull),
      createContainer: changing(runtime.createContainer),
      createSandbox: changing(runtime.createSandbox),
      startContainer: changing(runtime.startContainer),
      signalContainer: changing(runtime.signalContainer),
      removeContainer: changing(runtime.removeContainer),
    }),
    cutAt(at, isDone) {
      changes = 0
      cut = { at, isDone }
    },
    restore() {
      isCut = false
      cut = { at: Infinity, isDone: false }
    },
    get isCut() {
      return isCut
    },
    get changes() {
      return changes
    },
  }
}
