// openapi.ts - the OpenAPI documents: an index, one document a group version made when first asked, and an empty v2
import { createHash } from 'node:crypto'
import { components } from '../../shared/kinds/generated/schemas.ts'
import type { Kind } from '../../shared/kinds/kind.ts'
import type { Schema } from '../../shared/kinds/schema.ts'
import { groupsOf } from './discovery.ts'
import { pathsOf, REF } from './openapi-paths.ts'
import { isBuiltIn, schemaOf } from './patch.ts'

export interface OpenApiDocument {
  text: string
  /** Changes with the text: with it in the URL, clients keep the document for good. */
  hash: string
}

export interface OpenApi {
  index(): Promise<object>
  document(group: string, version: string): Promise<OpenApiDocument | undefined>
  /** The kinds have changed. */
  forget(): void
}

/** A gnostic Document with nothing but `swagger: "2.0"`: all that clients of today read of v2, and in protobuf always. */
export const OPENAPI_V2 = Buffer.from([0x0a, 0x03, 0x32, 0x2e, 0x30])
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

export function createOpenApi(kindsOf: () => readonly Kind[]): OpenApi {
  /** Clients keep the documents for good; the hub keeps what tells whether they are still right. */
  const hashes = new Map<string, string>()

  async function document(group: string, version: string): Promise<OpenApiDocument | undefined> {
    const kinds = kindsOf().filter((kind) => kind.group === group && kind.version === version)
    if (kinds.length === 0) return undefined
    const text = JSON.stringify(await documentOf(kinds))
    const hash = createHash('sha256').update(text).digest('hex').toUpperCase().slice(0, HASH_LENGTH)
    hashes.set(pathOf(group, version), hash)
    return { text, hash }
  }

  const hashOf = async (group: string, version: string) =>
    hashes.get(pathOf(group, version)) ?? (await document(group, version))?.hash ?? ''

  return {
    document,
    async index() {
      const versions = [...groupsOf(kindsOf())].flatMap(([group, all]) => all.map((version) => ({ group, version })))
      const paths: Record<string, object> = {}
      for (const { group, version } of versions) {
        const path = pathOf(group, version)
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${await hashOf(group, version)}` }
      }
      return { paths }
    },
    forget: () => hashes.clear(),
  }
}

const pathOf = (group: string, version: string) => (group ? `apis/${group}/${version}` : `api/${version}`)

const HASH_LENGTH = 32

async function documentOf(kinds: readonly Kind[]) {
  // Read only here: what fields mean is more text than all that the hub needs to know of them.
  const { descriptions } = await import('../../shared/kinds/generated/descriptions.ts')
  const schemas = new Map<string, Schema>()
  for (const kind of kinds) {
    const schema = schemaOf(kind) ?? { type: 'object' }
    const names = { group: kind.group, version: kind.version, kind: kind.kind }
    schemas.set(schemaNameOf(kind), { ...schema, 'x-kubernetes-group-version-kind': [names] })
    addReferenced(schema, schemas)
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Holdfast', version: 'v1.32' },
    paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, schemaNameOf(kind)))) as object,
    components: {
      schemas: Object.fromEntries(
        [...schemas].map(([name, schema]) => [name, withTexts(schema, descriptions[name] ?? {})]),
      ),
    },
  }
}

/** Custom kinds are named as upstream names them: the group's words in reverse. */
const schemaNameOf = (kind: Kind): string =>
  kind.schemaName && isBuiltIn(kind)
    ? kind.schemaName
    : [...kind.group.split('.').toReversed(), kind.version, kind.kind].join('.')

function addReferenced(value: unknown, schemas: Map<string, Schema>): void {
  if (typeof value !== 'object' || value === null) return
  const name = '$ref' in value && typeof value.$ref === 'string' ? value.$ref.slice(REF.length) : undefined
  const target = name !== undefined && Object.hasOwn(components, name) ? components[name] : undefined
  if (name !== undefined && target && !schemas.has(name)) {
    schemas.set(name, target)
    addReferenced(target, schemas)
  }
  for (const part of Object.values(value)) addReferenced(part, schemas)
}

/** The schema as people read it; the texts lie under the path of what they describe. */
function withTexts(value: unknown, texts: Readonly<Record<string, string>>, path = ''): unknown {
  if (Array.isArray(value)) return value.map((part, at) => withTexts(part, texts, `${path}/${at}`))
  if (typeof value !== 'object' || value === null) return value
  const description = texts[path]
  const parts = Object.entries(value).map(([key, part]) => [key, withTexts(part, texts, `${path}/${key}`)])
  return { ...(description !== undefined && { description }), ...Object.fromEntries(parts) }
}
