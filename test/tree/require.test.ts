// require.test.ts - what a test needs and does not find is named: as a reason to skip, as a mistake where it is demanded
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { skipFor, skipUnless, usableKubectl } from '../support/require.ts'

t.test('A kubectl that is too old for the tests is named, with what to do', async (t) => {
  const dir = t.testdir()
  const saying = (name: string, text: string) => {
    const path = join(dir, name)
    writeFileSync(path, `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 })
    return path
  }
  const version = (git: string) => `{ "clientVersion": { "major": "1", "gitVersion": "${git}" } }`
  const told: string[] = []
  const tell = (text: string) => void told.push(text)
  const old = saying('old', version('v1.20.2'))
  t.equal(usableKubectl(old, tell), undefined)
  t.equal(told.pop(), `${old} is version 1.20: put kubectl 1.28 or newer on the PATH, or name one with KUBECTL`)
  for (const git of ['v1.28.0', 'v1.33.1+debian', 'v1.32.4-dispatcher']) {
    const path = saying('new', version(git))
    t.equal(usableKubectl(path, tell), path, git)
  }
  t.same(told, [])
  t.equal(usableKubectl(saying('odd', 'hello'), tell), undefined)
  t.match(told.pop(), /does not say which version it is/)
  t.equal(usableKubectl(join(dir, 'none'), tell), undefined)
  t.equal(usableKubectl(undefined), undefined)
})

t.test('What is not there is a reason to skip, and a mistake where it is demanded', async (t) => {
  const why = 'only root can make one'
  t.equal(skipFor('netns', undefined, 'netns'), undefined)
  t.equal(skipFor('netns', why, ''), why)
  t.equal(skipFor('netns', why, 'docker, kubectl'), why)
  for (const demands of ['netns', 'docker, netns', 'all'])
    t.throws(() => skipFor('netns', why, demands), { message: `HOLDFAST_REQUIRE demands netns: ${why}` })
  t.throws(() => skipFor('netns', undefined, 'netnss'), /HOLDFAST_REQUIRE knows docker, .* and all, not netnss/)
  t.equal(skipUnless('kubectl', '/usr/bin/kubectl'), undefined)
})
