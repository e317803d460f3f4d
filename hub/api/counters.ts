// counters.ts - what the API server has done and what it holds, for metrics and for people who look for the bound they hit
export interface ApiCounters {
  requests: number
  /** By status code. */
  answers: Record<number, number>
  internalErrors: number
  watchesOpen: number
  watchesEndedSlow: number
  watchesRefused: number
  bytesAnswered: number
  gzipsRunning: number
}

export const createApiCounters = (): ApiCounters => ({
  requests: 0,
  answers: {},
  internalErrors: 0,
  watchesOpen: 0,
  watchesEndedSlow: 0,
  watchesRefused: 0,
  bytesAnswered: 0,
  gzipsRunning: 0,
})
