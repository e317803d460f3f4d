// agent-damage.ts - what can become of a device's disk, and what is lost with it at the worst
import type { JournalRow } from '../../agent/cache/database.ts'

export const DAMAGES = [
  'database lost',
  'database unreadable',
  'database older',
  'signed lost',
  'mark lost',
  'all lost',
  'rows flipped',
  'rows torn',
  'signed flipped',
  'signed torn',
  'mark flipped',
  'mark torn',
  'writes lost',
] as const
export type Damage = (typeof DAMAGES)[number]

/** What nobody can be asked for any more, at the worst. */
export interface Loss {
  /** Not even what is to run, and how far numbers had come. */
  isTotal: boolean
  hasHistories: boolean
  journal: 'all' | readonly JournalRow[]
}

/** Of everything, of the database, and of what the rest can mend. */
export const ALL: Loss = { isTotal: true, hasHistories: true, journal: 'all' }
export const DATABASE: Loss = { isTotal: false, hasHistories: true, journal: 'all' }
export const NONE: Loss = { isTotal: false, hasHistories: false, journal: [] }
