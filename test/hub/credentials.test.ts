// credentials.test.ts - the kubeconfig that a hub writes, and what it does to one that is there
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadOrMintTokens, pointKubeconfigAt } from '../../hub/credentials.ts'
import { systemRandom } from '../../shared/random.ts'

t.test('A kubeconfig follows the hub to a new address, and keeps its tokens', async (t) => {
  const dataDir = t.testdir()
  const kubeconfigPath = join(dataDir, 'kubeconfig')
  const deps = { dataDir, kubeconfigPath, server: 'https://127.0.0.1:0', caPem: 'ca', random: systemRandom }
  const records = loadOrMintTokens(deps)
  const before = readFileSync(kubeconfigPath, 'utf8')
  pointKubeconfigAt(kubeconfigPath, 'https://hub.example.com:7443')
  const after = readFileSync(kubeconfigPath, 'utf8')
  t.equal(after, before.replace('https://127.0.0.1:0', 'https://hub.example.com:7443'))
  t.same(loadOrMintTokens(deps), records)
})

t.test('A file that somebody made something else of is left alone', async (t) => {
  const path = join(t.testdir(), 'kubeconfig')
  for (const text of ['', 'clusters: none', 'clusters: [{ name: other, cluster: { server: "https://other" } }]']) {
    writeFileSync(path, text)
    pointKubeconfigAt(path, 'https://hub.example.com:7443')
    t.equal(readFileSync(path, 'utf8'), text)
  }
})
