// storage.ts - the rows for claims, volumes and classes of storage
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimStatus,
  PersistentVolumeSpec,
  PersistentVolumeStatus,
} from 'kubernetes-types/core/v1.js'
import type { StorageClass as DeclaredClass } from 'kubernetes-types/storage/v1.js'
import { canonicalJson } from '../hash.ts'
import { AGE, column, NAME, wide } from './columns.ts'
import { defineKind, statusPart } from './define.ts'
import { oneOf } from './field-rules.ts'
import type { KubeObject, Of } from './object.ts'
import { forbiddenField, requiredValue, type Cause } from './status-error.ts'

export type PersistentVolumeClaim = Of<PersistentVolumeClaimSpec, PersistentVolumeClaimStatus>
export type PersistentVolume = Of<PersistentVolumeSpec, PersistentVolumeStatus>
export type StorageClass = KubeObject & Omit<DeclaredClass, keyof KubeObject>

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'
const SHORT_MODES: Readonly<Record<string, string>> = {
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOnce: 'RWO',
  ReadWriteOncePod: 'RWOP',
}

const modesText = (modes: readonly string[] = []): string => modes.map((mode) => SHORT_MODES[mode] ?? mode).join(',')

const modeCauses = (modes: readonly string[] | undefined): Cause[] =>
  modes?.length
    ? modes.flatMap((mode, index) => oneOf(mode, `spec.accessModes[${index}]`, ACCESS_MODES))
    : [requiredValue('spec.accessModes', 'at least 1 access mode is required')]

export const PERSISTENT_VOLUME_CLAIM = defineKind<PersistentVolumeClaim>({
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  isStoredOnly: true,
  subresources: statusPart('PersistentVolumeClaim'),
  columns: [
    NAME,
    column<PersistentVolumeClaim>('Status', ({ metadata, status }) =>
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Pending'),
    ),
    column<PersistentVolumeClaim>('Volume', ({ spec }) => spec?.volumeName ?? ''),
    column<PersistentVolumeClaim>('Capacity', ({ spec, status }) =>
      spec?.volumeName ? (status?.capacity?.['storage'] ?? '') : '',
    ),
    column<PersistentVolumeClaim>('Access Modes', ({ spec, status }) =>
      spec?.volumeName ? modesText(status?.accessModes) : '',
    ),
    column<PersistentVolumeClaim>('StorageClass', ({ spec }) => spec?.storageClassName ?? ''),
    column<PersistentVolumeClaim>('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    AGE,
    wide<PersistentVolumeClaim>('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
  setDefaults(claim) {
    claim.spec ??= {}
    claim.spec.volumeMode ??= 'Filesystem'
    claim.status ??= {}
    claim.status.phase ??= 'Pending'
  },
  validate: ({ spec }, old) => [
    ...modeCauses(spec.accessModes),
    ...(spec.resources?.requests?.['storage'] ? [] : [requiredValue('spec.resources[storage]')]),
    ...oneOf(spec.volumeMode, 'spec.volumeMode', ['Block', 'Filesystem']),
    ...(old ? claimUpdateCauses(spec, old.spec) : []),
  ],
})

function claimUpdateCauses(next: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec): Cause[] {
  const fixed = (spec: PersistentVolumeClaimSpec) =>
    canonicalJson({
      ...spec,
      resources: undefined,
      volumeAttributesClassName: undefined,
      volumeName: old.volumeName ? spec.volumeName : undefined,
    })
  const why =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
  return fixed(next) === fixed(old) ? [] : [forbiddenField('spec', why)]
}

export const PERSISTENT_VOLUME = defineKind<PersistentVolume>({
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  isStoredOnly: true,
  subresources: statusPart('PersistentVolume'),
  columns: [
    NAME,
    column<PersistentVolume>('Capacity', ({ spec }) => spec?.capacity?.['storage'] ?? ''),
    column<PersistentVolume>('Access Modes', ({ spec }) => modesText(spec?.accessModes)),
    column<PersistentVolume>('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
    column<PersistentVolume>('Status', ({ metadata, status }) =>
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Pending'),
    ),
    column<PersistentVolume>('Claim', ({ spec }) =>
      spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '',
    ),
    column<PersistentVolume>('StorageClass', ({ spec }) => spec?.storageClassName ?? ''),
    column<PersistentVolume>('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    column<PersistentVolume>('Reason', ({ status }) => status?.reason ?? ''),
    AGE,
    wide<PersistentVolume>('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
  setDefaults(volume) {
    volume.spec ??= {}
    volume.spec.persistentVolumeReclaimPolicy ??= 'Retain'
    volume.spec.volumeMode ??= 'Filesystem'
    if (volume.spec.hostPath) volume.spec.hostPath.type ??= ''
    volume.status ??= {}
    volume.status.phase ??= 'Pending'
  },
  validate: ({ spec }) => [
    ...modeCauses(spec.accessModes),
    ...(spec.capacity?.['storage'] ? [] : [requiredValue('spec.capacity')]),
    ...oneOf(spec.persistentVolumeReclaimPolicy, 'spec.persistentVolumeReclaimPolicy', ['Delete', 'Recycle', 'Retain']),
  ],
})

export const STORAGE_CLASS = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  isStoredOnly: true,
  columns: [
    column<StorageClass>(
      'Name',
      ({ metadata }) =>
        metadata.annotations?.[DEFAULT_CLASS] === 'true' ? `${metadata.name} (default)` : metadata.name,
      { format: 'name' },
    ),
    column<StorageClass>('Provisioner', ({ provisioner }) => provisioner),
    column<StorageClass>('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    column<StorageClass>('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? '<unset>'),
    column<StorageClass>('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false, {
      type: 'boolean',
    }),
    AGE,
  ],
  setDefaults(storage) {
    storage.reclaimPolicy ??= 'Delete'
    storage.volumeBindingMode ??= 'Immediate'
  },
  validate: ({ reclaimPolicy, volumeBindingMode }) => [
    ...oneOf(reclaimPolicy, 'reclaimPolicy', ['Delete', 'Retain']),
    ...oneOf(volumeBindingMode, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer']),
  ],
})
