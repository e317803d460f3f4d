// pause-image.ts - the image of the sandbox, made on the device: no registry is needed to run a pod
import { createHash } from 'node:crypto'
import { pauseProgram } from './pause-program.ts'
import { tarOf } from '../../shared/tar.ts'

export const PAUSE_IMAGE = 'holdfast/pause:1'

/** An archive as `docker save` writes it: one layer with one file. undefined: no program for this architecture. */
export function pauseImageArchive(architecture: string): Buffer | undefined {
  const program = pauseProgram(architecture)
  if (!program) return undefined
  const layer = tarOf([{ name: 'pause', data: program, mode: 0o755 }])
  const config = json({
    architecture,
    os: 'linux',
    // A fixed date: the same bytes give the same image id on every device.
    created: '1970-01-01T00:00:00Z',
    config: { Entrypoint: ['/pause'], Labels: { 'holdfast.dev/image': 'pause' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'holdfast' }],
  })
  const configName = `${sha256(config)}.json`
  const manifest = json([{ Config: configName, RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }])
  return tarOf([
    { name: 'manifest.json', data: manifest, mode: 0o644 },
    { name: configName, data: config, mode: 0o644 },
    { name: 'layer.tar', data: layer, mode: 0o644 },
  ])
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
