// system.ts - the suite below test/system
import { importTests } from './support/suite.ts'

await importTests('system')
