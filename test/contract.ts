// contract.ts - the suite below test/contract
import { importTests } from './support/suite.ts'

await importTests('contract')
