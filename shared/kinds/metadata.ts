// metadata.ts - the rules for the metadata that every object has
import { dnsLabelError, labelValueError, qualifiedNameError, type NameCheck } from '../names.ts'
import type { KubeObject, OwnerReference } from './object.ts'
import { invalidValue, requiredValue, type Cause } from './status-error.ts'

/** Upstream's limit for the keys and values of all annotations of one object. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024
/** More than any real object has; each one is looked at on every change. */
const REFERENCES_MAX = 100
/** The last one is upstream's own for definitions of custom kinds, which breaks its own rule. */
const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion', 'customresourcecleanup.apiextensions.k8s.io']

interface Rules {
  namespaced: boolean
  nameError: NameCheck
}

export function metadataCauses({ metadata }: KubeObject, { namespaced, nameError }: Rules): Cause[] {
  return [
    ...nameCauses(metadata.name, metadata.generateName, nameError),
    ...(namespaced && metadata.namespace ? checked('metadata.namespace', metadata.namespace, dnsLabelError) : []),
    ...labelCauses(metadata.labels, 'metadata.labels'),
    ...annotationCauses(metadata.annotations, 'metadata.annotations'),
    ...finalizerCauses(metadata.finalizers ?? []),
    ...ownerCauses(metadata.ownerReferences ?? []),
  ]
}

function nameCauses(name: string | undefined, generateName: string | undefined, nameError: NameCheck): Cause[] {
  if (name) return checked('metadata.name', name, nameError)
  if (!generateName) return [requiredValue('metadata.name', 'name or generateName is required')]
  // Five random characters follow, so the prefix itself may end in what a whole name may not end in.
  return checked('metadata.generateName', `${generateName}x`, nameError)
}

export function checked(field: string, value: string, check: NameCheck): Cause[] {
  const wrong = check(value)
  return wrong === undefined ? [] : [invalidValue(field, value, wrong)]
}

export const labelCauses = (labels: Readonly<Record<string, string>> | undefined, field: string): Cause[] =>
  Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checked(field, key, qualifiedNameError),
    ...checked(field, value, labelValueError),
  ])

export function annotationCauses(annotations: Readonly<Record<string, string>> | undefined, field: string): Cause[] {
  const entries = Object.entries(annotations ?? {})
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  const tooLong = {
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`,
    field,
  }
  return [
    ...entries.flatMap(([key]) => checked(field, key, (text) => qualifiedNameError(text.toLowerCase()))),
    ...(bytes > ANNOTATIONS_BYTES_MAX ? [tooLong] : []),
  ]
}

const finalizerCauses = (finalizers: readonly string[]): Cause[] => [
  ...tooMany(finalizers.length, 'metadata.finalizers'),
  ...finalizers.flatMap((finalizer) => checked('metadata.finalizers', finalizer, finalizerError)),
]

const finalizerError: NameCheck = (text) =>
  text.includes('/') || STANDARD_FINALIZERS.includes(text)
    ? qualifiedNameError(text)
    : 'name is neither a standard finalizer name nor is it fully qualified'

function ownerCauses(owners: readonly OwnerReference[]): Cause[] {
  const at = (index: number, field: string) => `metadata.ownerReferences[${index}].${field}`
  const missing = owners.flatMap((owner, index) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const).flatMap((field) =>
      owner[field] ? [] : [invalidValue(at(index, field), owner[field] ?? '', 'must not be empty')],
    ),
  )
  const [first, second] = owners.filter((owner) => owner.controller)
  const two =
    second &&
    `Only one reference can have Controller set to true. Found "true" in references for ${first?.name} and ${second.name}`
  return [
    ...tooMany(owners.length, 'metadata.ownerReferences'),
    ...missing,
    ...(two
      ? [
          invalidValue(
            'metadata.ownerReferences',
            owners.map(({ name }) => name),
            two,
          ),
        ]
      : []),
  ]
}

const tooMany = (count: number, field: string): Cause[] =>
  count > REFERENCES_MAX
    ? [{ reason: 'FieldValueTooMany', message: `Too many: ${count}: must have at most ${REFERENCES_MAX} items`, field }]
    : []
