// e2e.ts - the suite below test/e2e
import { importTests } from './support/suite.ts'

await importTests('e2e')
