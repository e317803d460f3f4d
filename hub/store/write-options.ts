// write-options.ts - how an object is to be changed or deleted
export interface UpdateOptions {
  /** status: only `status` is taken from the new object; otherwise `status` is what is left alone. Others open what only they may change. */
  subresource?: string
  dryRun?: boolean
}

export interface DeleteOptions {
  dryRun?: boolean
  gracePeriodSeconds?: number
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  preconditions?: { uid?: string; resourceVersion?: string }
}
