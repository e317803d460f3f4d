// fleet-messages.ts - what the bench and the process of its simulated fleet say to each other
import * as v from 'valibot'

export const order = v.variant('do', [
  v.object({ do: v.literal('enrol'), token: v.string(), count: v.number() }),
  v.object({ do: v.literal('connect') }),
  v.object({ do: v.literal('count') }),
])
export type Order = v.InferOutput<typeof order>

export const answer = v.object({ online: v.number(), failure: v.optional(v.string()) })
export type Answer = v.InferOutput<typeof answer>
