// history-row.ts - a container's past as it lies in the database
import * as v from 'valibot'
import type { ContainerHistory } from './cache.ts'

export const historySchema = v.object({
  podUid: v.string(),
  container: v.string(),
  attempt: v.number(),
  restarts: v.number(),
  crashes: v.number(),
  specHash: v.optional(v.string()),
  bootId: v.optional(v.string()),
  active: v.optional(v.object({ bootId: v.string(), sinceBootMs: v.number(), isOver: v.boolean() })),
  last: v.optional(
    v.object({
      attempt: v.optional(v.number()),
      exitCode: v.number(),
      reason: v.string(),
      message: v.optional(v.string()),
      startedAtMs: v.optional(v.number()),
      finishedAtMs: v.optional(v.number()),
      containerId: v.string(),
    }),
  ),
})

export const historyKey = (history: Pick<ContainerHistory, 'podUid' | 'container'>): string =>
  `${history.podUid}/${history.container}`
