// version.test.ts - the version is said in two places, because the agent's bundle has no package.json beside it
import { readFileSync } from 'node:fs'
import t from 'tap'
import { HOLDFAST_VERSION } from '../../shared/version.ts'

t.test('The programs and the package say the same version', async (t) => {
  const file = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  t.match(JSON.parse(file), { version: HOLDFAST_VERSION })
})
