// sim.ts - the suite below test/sim: a process of its own, because a simulator leaves no time to real clocks beside it
import { importTests } from './support/suite.ts'

await importTests('sim')
