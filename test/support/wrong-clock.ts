// wrong-clock.ts - a program that sees another time than the machine has: what libfaketime needs for it
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Below a folder that is called after the machine's architecture. */
export const findFaketime = (): string | undefined =>
  readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path))

/** The environment of a program whose clock says what `momentFile` says, and goes on from there; looked at each second. */
export const wrongClock = (library: string, momentFile: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: momentFile,
  FAKETIME_CACHE_DURATION: '1',
  // Only the wall clock is wrong: that is what real devices have.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
  NO_FAKE_STAT: '1',
})
