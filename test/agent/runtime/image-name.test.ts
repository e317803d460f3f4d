// image-name.test.ts - image names mean what they mean to Docker
import t from 'tap'
import { normalizeImageName } from '../../../agent/runtime/image-name.ts'

void t.test('What an image name leaves out is filled in as Docker does', async (t) => {
  const digest = `sha256:${'a'.repeat(64)}`
  const expected: Record<string, string> = {
    'my-image': 'docker.io/library/my-image:latest',
    'busybox:1.36': 'docker.io/library/busybox:1.36',
    'holdfast/pause:1': 'docker.io/holdfast/pause:1',
    'docker.io/nginx': 'docker.io/library/nginx:latest',
    'localhost/web': 'localhost/web:latest',
    'registry:5000/team/web': 'registry:5000/team/web:latest',
    'ghcr.io/a/b/c:v1': 'ghcr.io/a/b/c:v1',
    [`web@${digest}`]: `docker.io/library/web@${digest}`,
    [`web:1@${digest}`]: `docker.io/library/web@${digest}`,
    '127.0.0.1:9/x__y.z': '127.0.0.1:9/x__y.z:latest',
  }
  for (const [name, full] of Object.entries(expected)) t.equal(normalizeImageName(name), full)
})

void t.test('Names that cannot be images are refused in upstream words, however long they are', async (t) => {
  for (const name of ['', ' ', 'a b', '/x', 'x/', 'a:b:c', 'web:', '-web', 'x@sha256:12', '../etc', '\0', 'ä'])
    t.match(refusal(name), { reason: 'InvalidImageName', message: /invalid reference format/ }, JSON.stringify(name))
  t.match(refusal('MyImage'), { message: /must be lowercase/ })
  t.match(refusal('a'.repeat(100_000)), { reason: 'InvalidImageName' })
  t.match(refusal(`${'a-'.repeat(250)}!`), { reason: 'InvalidImageName' })
})

function refusal(name: string): unknown {
  try {
    return normalizeImageName(name)
  } catch (error) {
    return error
  }
}
