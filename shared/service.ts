// service.ts - what everything with a life cycle looks like: creating does nothing, start does
export interface Service {
  start(): Promise<void> | void
  stop(): Promise<void> | void
}

/** One after another in the order given; stopped in the reverse order, also when a start failed half way. */
export function inOrder(services: readonly Service[]): Service {
  const started: Service[] = []
  const stop = async () => {
    for (let service = started.pop(); service; service = started.pop()) await service.stop()
  }
  return {
    async start() {
      try {
        for (const service of services) {
          started.push(service)
          await service.start()
        }
      } catch (error) {
        await stop()
        throw error
      }
    },
    stop,
  }
}
