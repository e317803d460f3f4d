// disk-trouble.ts - what a disk that refuses suffers from, read from the error; pure

/** failing: it answers with errors of its own. busy: another program holds the file. */
export type TroubleKind = 'full' | 'read-only' | 'failing' | 'busy'

const CODES: readonly (readonly [RegExp, TroubleKind])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'full'],
  [/^(SQLITE_(READONLY|CANTOPEN|PERM)|EROFS|EACCES|EPERM)/, 'read-only'],
  [/^(SQLITE_(IOERR|PROTOCOL)|EIO|ENXIO|ENODEV|EMFILE|ENFILE|ENOENT|ENOTDIR)/, 'failing'],
  [/^SQLITE_(BUSY|LOCKED)/, 'busy'],
]
/** With less than this even a lock file fails, in words of its own. */
const FULL_BELOW_BYTES = 64 * 1024

/** Undefined: not the disk's doing. */
export function troubleOf(error: unknown, freeBytes: number | undefined): TroubleKind | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const { code } = error
  const kind = CODES.find(([pattern]) => pattern.test(code))?.[1]
  const isFull = kind === 'failing' && freeBytes !== undefined && freeBytes < FULL_BELOW_BYTES
  return isFull ? 'full' : kind
}
