// unit.ts - the suite of everything that needs neither Docker nor a second process
import { importTests } from './support/suite.ts'

await importTests('shared', 'hub', 'agent', 'tree', 'chaos')
