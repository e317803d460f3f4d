// object-create.ts - decides what a new object looks like in the store: name, uid, generation, defaults; or why it may not be
import { rfc3339 } from '../../shared/clock.ts'
import { jsonCopy } from '../../shared/json-copy.ts'
import { apiVersionOf, resourceName, type Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject, Meta, NewObject } from '../../shared/kinds/object.ts'
import { alreadyExists, badRequest, invalid, requiredValue, type Cause } from '../../shared/kinds/status-error.ts'
import type { Random } from '../../shared/random.ts'
import { asNewNamespace, isNamespaceKind } from './namespace-rules.ts'

export interface CreateContext {
  wallMs: number
  random: Random
  isTaken(name: string): boolean
}

export function newObject(kind: Kind, given: NewObject<KubeObject>, context: CreateContext): KubeObject {
  const { metadata, status, ...content } = jsonCopy(given)
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  const meta = newMeta(kind, metadata, context, kind.hasStatus || content.spec !== undefined)
  const object: KubeObject = { ...content, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: meta }
  if (status !== undefined && bringsStatus(kind)) object.status = status
  const complete = isNamespaceKind(kind) ? asNewNamespace(object) : object
  kind.setDefaults?.(complete)
  const nameless = meta.name ? [] : [requiredValue('metadata.name', 'name or generateName is required')]
  checkValid(kind, complete, [...nameless, ...(kind.validate?.(complete) ?? [])])
  if (context.isTaken(meta.name)) throw alreadyExists(kind, meta.name)
  return complete
}

/** Status begins empty; only a node may arrive with what it knows of itself, as upstream. */
const bringsStatus = (kind: Kind) => !kind.hasStatus || resourceName(kind) === 'nodes'

function newMeta(kind: Kind, given: Partial<Meta>, context: CreateContext, hasGeneration: boolean): Meta {
  const kept = { ...given }
  delete kept.deletionTimestamp
  delete kept.deletionGracePeriodSeconds
  delete kept.generation
  if (!kind.namespaced) delete kept.namespace
  return withoutEmpty({
    ...kept,
    name: given.name || (given.generateName ? generatedName(given.generateName, context) : ''),
    uid: context.random.uuid(),
    // The store gives the real one; a dry run has none.
    resourceVersion: '',
    creationTimestamp: rfc3339(context.wallMs),
    ...(hasGeneration && { generation: 1 }),
  })
}

const OMITTED_WHEN_EMPTY = ['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields'] as const

/** As upstream writes them: not at all. Clients compare with what they applied. */
export function withoutEmpty(meta: Meta): Meta {
  const kept = { ...meta }
  for (const field of OMITTED_WHEN_EMPTY) if (kept[field] && Object.keys(kept[field]).length === 0) delete kept[field]
  return kept
}

/** No vowels and no look-alikes, as upstream: no words come out by accident. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
/** With the suffix it is a DNS label, which pods' hostnames must be. */
const PREFIX_LENGTH_MAX = 63 - SUFFIX_LENGTH
/** 14 million suffixes: who meets taken ones this often is told that the name is taken. */
const NAME_TRIES_MAX = 8

function generatedName(prefix: string, context: CreateContext): string {
  const letter = () => SUFFIX_LETTERS[Math.floor(context.random.float() * SUFFIX_LETTERS.length)]
  const draw = () => prefix.slice(0, PREFIX_LENGTH_MAX) + Array.from({ length: SUFFIX_LENGTH }, letter).join('')
  let name = draw()
  for (let tries = 1; tries < NAME_TRIES_MAX && context.isTaken(name); tries++) name = draw()
  return name
}

/** Throws 422 with everything that is wrong, each field once. */
export function checkValid(kind: Kind, object: KubeObject, causes: readonly Cause[]): void {
  const once = causes.filter(
    (cause, at) => cause.field === undefined || causes.findIndex((other) => sameComplaint(other, cause)) === at,
  )
  if (once.length > 0) throw invalid(kind, object.metadata.name, once)
}

const sameComplaint = (a: Cause, b: Cause) => a.field === b.field && a.message === b.message
