// explain.ts - what a seed that breaks a rule says to the one who has to find out why
import { optionsOf } from './options.ts'
import type { Failed } from './run-seeds.ts'

export const explain = ({ seed, failure, lines }: Failed): string =>
  [
    ...lines,
    '',
    `seed ${seed} broke "${failure.invariant}" after ${(failure.atMs / 1000).toFixed(3)} s of virtual time:`,
    `  ${failure.message}`,
    `options: ${JSON.stringify(optionsOf(seed))}`,
    `replay: npm run sim -- --seed ${seed} --trace`,
  ].join('\n')
