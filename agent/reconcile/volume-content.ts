// volume-content.ts - which files a configMap, secret, downwardAPI or projected volume holds; pure
import type { Volume } from '../../shared/kinds/object.ts'
import { noKeyMessage, notFoundMessage, type ConfigKind, type ConfigSource } from './config-source.ts'
import { fieldValue, resourceValue, type FieldContext } from './field-ref.ts'
import { namespaceOf } from './pod-shape.ts'
import type { VolumeFile, VolumeFiles } from './volume-files.ts'

/** Why a volume cannot be had, in upstream's words. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}

export interface VolumeContext extends FieldContext {
  config: ConfigSource
}

const DEFAULT_MODE = 0o644

/** Undefined for volumes that do not hold files of ours. Throws VolumeError. */
export function volumeContent(volume: Volume, context: VolumeContext): VolumeFiles | undefined {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap)
    return new Map(keyFiles('ConfigMap', { ...configMap, name: configMap.name ?? '' }, configMap.defaultMode, context))
  if (secret)
    return new Map(keyFiles('Secret', { ...secret, name: secret.secretName ?? '' }, secret.defaultMode, context))
  if (downwardAPI) return new Map(downwardFiles(downwardAPI.items, downwardAPI.defaultMode, context))
  if (!projected) return undefined
  // A later source may overwrite a path of an earlier one, as upstream.
  return new Map((projected.sources ?? []).flatMap((source) => sourceFiles(source, projected.defaultMode, context)))
}

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number]
type Files = [path: string, file: VolumeFile][]

function sourceFiles(source: ProjectedSource, mode: number | undefined, context: VolumeContext): Files {
  const { configMap, secret, downwardAPI } = source
  if (configMap) return keyFiles('ConfigMap', { ...configMap, name: configMap.name ?? '' }, mode, context)
  if (secret) return keyFiles('Secret', { ...secret, name: secret.name ?? '' }, mode, context)
  if (downwardAPI) return downwardFiles(downwardAPI.items, mode, context)
  throw new VolumeError(`projected source ${Object.keys(source).join(', ')} is not supported`)
}

interface KeySource {
  name: string
  optional?: boolean
  items?: { key: string; path: string; mode?: number }[]
}

function keyFiles(
  kind: ConfigKind,
  source: KeySource,
  mode: number | undefined,
  { config, pod }: VolumeContext,
): Files {
  const entries = config.entries(kind, namespaceOf(pod), source.name)
  if (!entries) {
    if (source.optional) return []
    throw new VolumeError(notFoundMessage(kind, source.name))
  }
  if (!source.items) return [...entries].map(([key, data]) => [checked(key), { data, mode: mode ?? DEFAULT_MODE }])
  return source.items.flatMap((item): Files => {
    const data = entries.get(item.key)
    if (data) return [[checked(item.path), { data, mode: item.mode ?? mode ?? DEFAULT_MODE }]]
    if (source.optional) return []
    throw new VolumeError(noKeyMessage(kind, item.key, namespaceOf(pod), source.name))
  })
}

type DownwardItems = NonNullable<Volume['downwardAPI']>['items']

const downwardFiles = (items: DownwardItems, mode: number | undefined, context: VolumeContext): Files =>
  (items ?? []).map(({ path, fieldRef, resourceFieldRef, mode: ownMode }) => {
    const text = fieldRef
      ? fieldValue(fieldRef.fieldPath, context)
      : resourceFieldRef
        ? resourceValue(resourceFieldRef, '', context)
        : ''
    return [checked(path), { data: Buffer.from(text), mode: ownMode ?? mode ?? DEFAULT_MODE }]
  })

/** The hub has checked it; whoever speaks for the hub must still not write outside the volume. */
function checked(path: string): string {
  const parts = path.split('/')
  const isBad =
    parts.some((part) => part === '' || part === '.' || part === '..') || path.startsWith('..') || path.includes('\0')
  if (isBad) throw new VolumeError(`the path ${JSON.stringify(path)} leaves the volume`)
  return path
}
