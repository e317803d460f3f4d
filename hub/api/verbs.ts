// verbs.ts - the verbs of the API on any kind: what each does, and how what it answers is shaped
import type { Clock } from '../../shared/clock.ts'
import type { Verb } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'
import { badRequest, methodNotAllowed, noSuchPath } from '../../shared/kinds/status-error.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './answer.ts'
import { mediaType } from './body.ts'
import type { Call } from './call.ts'
import { deleteEach, deleteOptions, deletionAnswer } from './delete.ts'
import { contentTypeOf, negotiate } from './negotiate.ts'
import type { Reads } from './read.ts'
import { patchScale, scaleOf, withScale } from './scale.ts'
import { includeOf, shapeList, shapeOne, type Printing } from './table.ts'
import type { Watches } from './watch.ts'
import type { Target, Writes } from './write.ts'

export interface Verbs {
  run(verb: Verb, call: Call): Promise<Answer | undefined>
}

export interface VerbsDeps {
  store: Store
  objects: Objects
  reads: Reads
  writes: Writes
  watches: Watches
  clock: Clock
}

export function createVerbs({ store, objects, reads, writes, watches, clock }: VerbsDeps): Verbs {
  const printingOf = ({ request, query }: Call): Printing => ({
    shape: negotiate(request.headers.accept),
    include: includeOf(query),
    nowMs: clock.wallMs(),
  })

  function one(call: Call, object: KubeObject, code = 200): Answer {
    const printing = printingOf(call)
    return { code, body: shapeOne(call.at.kind, object, printing), contentType: contentTypeOf(printing.shape) }
  }

  async function list(call: Call): Promise<Answer> {
    const { kind, namespace } = call.at
    const printing = printingOf(call)
    const { items, metadata, revision } = reads.list(kind, namespace, call.query)
    await store.durable(revision)
    return {
      code: 200,
      body: shapeList(kind, items, metadata, printing),
      contentType: contentTypeOf(printing.shape, true),
    }
  }

  async function get(call: Call): Promise<Answer> {
    const { kind, namespace } = call.at
    const object = reads.get(kind, namespace, nameOf(call))
    await store.durable(Number(object.metadata.resourceVersion))
    return one(call, object)
  }

  async function watch(call: Call): Promise<undefined> {
    const { kind, namespace, name } = call.at
    const shape = negotiate(call.request.headers.accept)
    const { query, user } = call
    await watches.serve({ kind, namespace, name, query, shape, expiresAtMonoMs: user.expiresAtMonoMs }, call.response)
  }

  function create(call: Call): Answer {
    const { kind, namespace } = call.at
    if (call.body === undefined) throw badRequest('error decoding: the body is empty')
    return one(call, writes.create(kind, namespace, call.body, call.options), 201)
  }

  function patch(call: Call): Answer {
    const { object, created } = writes.patch(targetOf(call), mediaType(call.request), call.body, call.options)
    return one(call, object, created ? 201 : 200)
  }

  function remove(call: Call): Answer {
    const { kind, namespace } = call.at
    const deletion = objects.delete(kind, namespace, nameOf(call), deleteOptions(call.query, call.body))
    return { code: 200, body: deletionAnswer(kind, deletion) }
  }

  function removeAll(call: Call): Answer {
    const { kind, namespace } = call.at
    const printing = printingOf(call)
    const options = deleteOptions(call.query, call.body)
    const { items, metadata } = reads.list(kind, namespace, call.query)
    deleteEach(objects, kind, items, options)
    return {
      code: 200,
      body: shapeList(kind, items, metadata, printing),
      contentType: contentTypeOf(printing.shape, true),
    }
  }

  function scale(verb: Verb, call: Call): Answer {
    const { kind, namespace } = call.at
    const paths = kind.scale
    if (!paths) throw noSuchPath()
    const object = reads.get(kind, namespace, nameOf(call))
    if (verb === 'get') return { code: 200, body: scaleOf(paths, object) }
    const wanted =
      verb === 'patch' ? patchScale(kind, scaleOf(paths, object), mediaType(call.request), call.body) : call.body
    const updated = writes.replace(targetOf(call), withScale(kind, paths, object, wanted), call.options)
    return { code: 200, body: scaleOf(paths, updated) }
  }

  /** What was refused, too, was decided by what is in memory: it is told when the disk has it. */
  async function write(change: () => Answer): Promise<Answer> {
    try {
      return change()
    } finally {
      await store.durable(store.revision)
    }
  }

  return {
    async run(verb, call) {
      if (call.at.subresource === 'scale') return write(() => scale(verb, call))
      // What cannot be answered in a form that the client reads must not be done either.
      negotiate(call.request.headers.accept)
      switch (verb) {
        case 'get':
          return get(call)
        case 'list':
          return list(call)
        case 'watch':
          return watch(call)
        case 'create':
          return write(() => create(call))
        case 'update':
          return write(() => one(call, writes.replace(targetOf(call), call.body, call.options)))
        case 'patch':
          return write(() => patch(call))
        case 'delete':
          return write(() => remove(call))
        case 'deletecollection':
          return write(() => removeAll(call))
        default:
          throw methodNotAllowed()
      }
    },
  }
}

function nameOf({ at }: Call): string {
  if (at.name === undefined) throw methodNotAllowed()
  return at.name
}

const targetOf = (call: Call): Target => ({ kind: call.at.kind, namespace: call.at.namespace, name: nameOf(call) })
