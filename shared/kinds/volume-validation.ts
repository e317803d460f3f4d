// volume-validation.ts - what a pod's volumes may not say
import type { KeyToPath, VolumeProjection } from 'kubernetes-types/core/v1.js'
import { configKeyError, dnsLabelError } from '../names.ts'
import { parseQuantity } from '../quantity.ts'
import { checked } from './metadata.ts'
import type { Volume } from './object.ts'
import {
  duplicateValue,
  forbiddenField,
  invalidValue,
  requiredValue,
  unsupportedValue,
  type Cause,
} from './status-error.ts'

const MODE_MAX = 0o777
const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
]

export function volumeCauses(volumes: readonly Volume[], at: string): Cause[] {
  const names = new Set<string>()
  return volumes.flatMap((volume, index) => {
    const field = `${at}[${index}]`
    const isRepeated = names.has(volume.name)
    names.add(volume.name)
    return [
      ...(volume.name ? checked(`${field}.name`, volume.name, dnsLabelError) : [requiredValue(`${field}.name`)]),
      ...(isRepeated ? [duplicateValue(`${field}.name`, volume.name)] : []),
      ...sourceCauses(volume, field),
    ]
  })
}

function sourceCauses(volume: Volume, at: string): Cause[] {
  const [first, ...others] = Object.keys(volume).filter((key) => key !== 'name')
  if (!first) return [requiredValue(at, 'must specify a volume type')]
  const { emptyDir, hostPath, configMap, secret, downwardAPI, projected } = volume
  return [
    ...others.map((name) => forbiddenField(`${at}.${name}`, 'may not specify more than 1 volume type')),
    ...sizeCauses(emptyDir?.sizeLimit, `${at}.emptyDir.sizeLimit`),
    ...hostPathCauses(hostPath, `${at}.hostPath`),
    ...(configMap
      ? [...nameCauses(configMap.name, `${at}.configMap.name`), ...fileCauses(configMap, `${at}.configMap`)]
      : []),
    ...(secret
      ? [...nameCauses(secret.secretName, `${at}.secret.secretName`), ...fileCauses(secret, `${at}.secret`)]
      : []),
    ...(downwardAPI ? downwardCauses(downwardAPI, `${at}.downwardAPI`) : []),
    ...(projected ? projectedCauses(projected, `${at}.projected`) : []),
    ...nameCauses(
      volume.persistentVolumeClaim ? volume.persistentVolumeClaim.claimName : 'none',
      `${at}.persistentVolumeClaim.claimName`,
    ),
  ]
}

const nameCauses = (name: string | undefined, field: string): Cause[] => (name ? [] : [requiredValue(field)])

function sizeCauses(size: string | undefined, field: string): Cause[] {
  if (size === undefined) return []
  const nanos = parseQuantity(size)?.nanos
  return nanos !== undefined && nanos >= 0n ? [] : [invalidValue(field, size, 'must be greater than or equal to 0')]
}

function hostPathCauses(hostPath: Volume['hostPath'], at: string): Cause[] {
  if (!hostPath) return []
  const { path, type = '' } = hostPath
  if (!path) return [requiredValue(`${at}.path`)]
  return [
    ...(path.split('/').includes('..') ? [invalidValue(`${at}.path`, path, "must not contain '..'")] : []),
    ...(HOST_PATH_TYPES.includes(type) ? [] : [unsupportedValue(`${at}.type`, type, HOST_PATH_TYPES)]),
  ]
}

interface Files {
  defaultMode?: number
  items?: readonly KeyToPath[]
}

const fileCauses = ({ defaultMode, items = [] }: Files, at: string): Cause[] => [
  ...modeCauses(defaultMode, `${at}.defaultMode`),
  ...items.flatMap(({ key, path, mode }, index) => [
    ...(key ? checked(`${at}.items[${index}].key`, key, configKeyError) : [requiredValue(`${at}.items[${index}].key`)]),
    ...relativePathCauses(path, `${at}.items[${index}].path`),
    ...modeCauses(mode, `${at}.items[${index}].mode`),
  ]),
]

const modeCauses = (mode: number | undefined, field: string): Cause[] =>
  mode === undefined || (mode >= 0 && mode <= MODE_MAX)
    ? []
    : [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]

function relativePathCauses(path: string | undefined, field: string): Cause[] {
  if (!path) return [requiredValue(field)]
  const wrong = pathError(path)
  return wrong ? [invalidValue(field, path, wrong)] : []
}

/** A path inside a volume stays inside it. */
export function pathError(path: string): string | undefined {
  if (path.startsWith('/')) return 'must be a relative path'
  return path.split('/').includes('..') ? "must not contain '..'" : undefined
}

function downwardCauses({ defaultMode, items = [] }: NonNullable<Volume['downwardAPI']>, at: string): Cause[] {
  return [
    ...modeCauses(defaultMode, `${at}.defaultMode`),
    ...items.flatMap((item, index) => [
      ...relativePathCauses(item.path, `${at}.items[${index}].path`),
      ...modeCauses(item.mode, `${at}.items[${index}].mode`),
      ...(item.fieldRef || item.resourceFieldRef
        ? []
        : [requiredValue(`${at}.items[${index}]`, 'one of fieldRef and resourceFieldRef is required')]),
    ]),
  ]
}

function projectedCauses({ defaultMode, sources = [] }: NonNullable<Volume['projected']>, at: string): Cause[] {
  return [
    ...modeCauses(defaultMode, `${at}.defaultMode`),
    ...sources.flatMap((source, index) => projectionCauses(source, `${at}.sources[${index}]`)),
  ]
}

function projectionCauses(source: VolumeProjection, at: string): Cause[] {
  const kinds = Object.keys(source)
  const seconds = source.serviceAccountToken?.expirationSeconds
  return [
    ...(kinds.length > 1 ? [forbiddenField(at, 'may not specify more than 1 volume type')] : []),
    ...(kinds.length === 0 ? [requiredValue(at, 'must specify a volume type')] : []),
    ...(['configMap', 'secret'] as const).flatMap((kind) => {
      const files = source[kind]
      return files ? [...nameCauses(files.name, `${at}.${kind}.name`), ...fileCauses(files, `${at}.${kind}`)] : []
    }),
    ...(source.downwardAPI ? downwardCauses(source.downwardAPI, `${at}.downwardAPI`) : []),
    ...(source.serviceAccountToken
      ? relativePathCauses(source.serviceAccountToken.path, `${at}.serviceAccountToken.path`)
      : []),
    ...(seconds !== undefined && seconds < 600
      ? [
          invalidValue(
            `${at}.serviceAccountToken.expirationSeconds`,
            seconds,
            'may not specify a duration less than 10 minutes',
          ),
        ]
      : []),
  ]
}
