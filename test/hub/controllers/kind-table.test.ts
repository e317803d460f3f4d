// kind-table.test.ts - controllers that care for all objects leave none of them out
import t from 'tap'
import { storedKinds } from '../../../hub/controllers/kind-table.ts'
import { kindTable } from '../../support/kind-table.ts'
import { CONFIG_MAPS, testKind } from '../../support/store.ts'

t.test('A kind is looked after once, also when only other versions than the stored one are served', async (t) => {
  const stored = testKind({ group: 'shop.dev', version: 'v2', kind: 'Shelf', plural: 'shelves' })
  const same = <T>(object: T) => object
  const views = ['v1', 'v1beta1'].map((version) => ({
    ...stored,
    version,
    storage: { kind: stored, toStorage: same, fromStorage: same },
  }))
  for (const rows of [[stored, ...views], views]) {
    const found = storedKinds(kindTable(CONFIG_MAPS, ...rows))
    t.same([...found.keys()], ['configmaps', 'shelves.shop.dev'])
    t.equal(found.get('shelves.shop.dev'), stored)
  }
})
