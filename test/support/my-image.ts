// my-image.ts - the image that the examples call `my-image`, made from a static busybox: a web page on port 8080 and a line a second
import { execFileSync } from 'node:child_process'
import { existsSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isStatus } from '../../agent/runtime/docker-errors.ts'
import type { Engine } from './engine.ts'

export const MY_IMAGE = 'my-image:latest'
export const MY_IMAGE_2 = 'my-image:v2'

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox']

/** Ends at once on TERM, as a good program does: a shell that is process 1 would ignore it. */
const COMMAND = `trap 'exit 0' TERM; httpd -p 8080 -h /www; n=0; while true; do n=$((n+1)); echo tick $n; sleep 1 & wait $!; done`

export async function ensureMyImages(engine: Engine): Promise<void> {
  for (const name of [MY_IMAGE, MY_IMAGE_2]) {
    if (await isPresent(engine, name)) continue
    const [repo, tag] = name.split(':')
    const changes = `CMD ${JSON.stringify(['sh', '-c', COMMAND])}`
    await engine.client.call({
      method: 'POST',
      path: '/images/create',
      query: { fromSrc: '-', repo, tag, changes },
      file: fileSystem(`page of ${name}\n`),
    })
  }
}

async function isPresent({ client }: Engine, name: string): Promise<boolean> {
  try {
    await client.call({ method: 'GET', path: `/images/${name}/json` })
    return true
  } catch (error) {
    if (isStatus(error, 404)) return false
    throw error
  }
}

/** A tar archive of busybox under all of its names, and a page. */
export function fileSystem(page: string): Buffer {
  const busybox = BUSYBOX.find((path) => existsSync(path))
  if (!busybox)
    throw new Error('the tests with containers need a static busybox (Debian: apt-get install busybox-static)')
  const root = mkdtempSync(join(tmpdir(), 'holdfast-my-image-'))
  try {
    for (const folder of ['bin', 'tmp', 'etc', 'www']) mkdirSync(join(root, folder))
    copyFileSync(busybox, join(root, 'bin/busybox'))
    const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')
    for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
    writeFileSync(join(root, 'www/index.html'), page)
    return execFileSync('tar', ['-c', '-C', root, '.'], { maxBuffer: 16 << 20 })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
