// busybox-image.ts - a tiny image made from the machine's own static busybox: no test needs a registry
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DockerClient } from '../../agent/runtime/docker-client.ts'
import { isStatus } from '../../agent/runtime/docker-errors.ts'

export const BUSYBOX_IMAGE = 'holdfast-test/busybox:1'
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox']
const APPLETS = 'sh sleep echo cat httpd nc wget id ls env seq kill ps stty tty hostname true false'.split(' ')

export async function ensureBusyboxImage(client: DockerClient): Promise<void> {
  try {
    await client.call({ method: 'GET', path: `/images/${BUSYBOX_IMAGE}/json` })
  } catch (error) {
    if (!isStatus(error, 404)) throw error
    // The tag stays in the name: Podman ignores one that comes by itself.
    const query = { fromSrc: '-', repo: BUSYBOX_IMAGE }
    await client.call({ method: 'POST', path: '/images/create', query, file: archive() })
  }
}

function archive(): Buffer {
  const busybox = BUSYBOX.find((path) => existsSync(path))
  if (!busybox)
    throw new Error('the tests with containers need a static busybox (Debian: apt-get install busybox-static)')
  const root = mkdtempSync(join(tmpdir(), 'holdfast-busybox-'))
  try {
    for (const folder of ['bin', 'tmp', 'etc']) mkdirSync(join(root, folder))
    copyFileSync(busybox, join(root, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
    return execFileSync('tar', ['-c', '-C', root, '.'], { maxBuffer: 16 << 20 })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
