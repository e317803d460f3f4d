// token-bucket.ts - so many at once, then so many a second; pure but for its own counters

export interface BucketLimits {
  burst: number
  perSecond: number
}

export interface TokenBucket {
  /** False: too many. */
  take(nowMs: number): boolean
}

export function createTokenBucket({ burst, perSecond }: BucketLimits): TokenBucket {
  let left = burst
  let atMs: number | undefined
  return {
    take(nowMs) {
      left = Math.min(burst, left + ((nowMs - (atMs ?? nowMs)) / 1000) * perSecond)
      atMs = nowMs
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}

/** A bucket for each key, such as an address; the longest unused go first when there are too many. */
export function createTokenBuckets(
  limits: BucketLimits,
  keysMax: number,
): { take(key: string, nowMs: number): boolean } {
  const buckets = new Map<string, TokenBucket>()
  return {
    take(key, nowMs) {
      const bucket = buckets.get(key) ?? createTokenBucket(limits)
      buckets.delete(key)
      buckets.set(key, bucket)
      const [oldest] = buckets.keys()
      if (buckets.size > keysMax && oldest !== undefined) buckets.delete(oldest)
      return bucket.take(nowMs)
    },
  }
}
