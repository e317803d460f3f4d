// declarations.mjs - reads one TypeScript declaration file and answers its types as OpenAPI schemas
import ts from 'typescript-js'

const REF = '#/components/schemas/'
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'
/** Declarations say only "number". Kubernetes has no fractions outside JSONSchemaProps, and these are its wide ones. */
const INT64 = new Set(
  (
    'generation observedGeneration expirationSeconds activeDeadlineSeconds terminationGracePeriodSeconds deletionGracePeriodSeconds ' +
    'gracePeriodSeconds tolerationSeconds runAsUser runAsGroup fsGroup supplementalGroups startingDeadlineSeconds remainingItemCount ' +
    'revision limitBytes sinceSeconds tailLines sizeBytes'
  ).split(' '),
)

/** `prefixOf('core/v1')` names the package of another declaration file, or answers undefined for one that is not read. */
export function schemasOf(source, { prefix, prefixOf }) {
  const file = ts.createSourceFile('declarations.d.ts', source, ts.ScriptTarget.Latest, true)
  const imported = importsOf(file, prefixOf)
  const schemas = {}
  for (const statement of file.statements) {
    if (ts.isTypeAliasDeclaration(statement)) schemas[prefix + statement.name.text] = aliasSchema(statement)
    if (ts.isInterfaceDeclaration(statement))
      schemas[prefix + statement.name.text] = interfaceSchema(statement, { prefix, imported })
  }
  return schemas
}

function importsOf(file, prefixOf) {
  const imported = new Map()
  for (const statement of file.statements.filter(ts.isImportDeclaration)) {
    const prefix = prefixOf(statement.moduleSpecifier.text)
    for (const element of statement.importClause.namedBindings.elements)
      imported.set(element.name.text, prefix && prefix + element.name.text)
  }
  return imported
}

function aliasSchema(alias) {
  const description = docOf(alias)?.split('\n')[0]
  const shapes = {
    Time: { type: 'string', format: 'date-time' },
    MicroTime: { type: 'string', format: 'date-time' },
    Quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  }
  return {
    ...(shapes[alias.name.text] ?? { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(description && { description }),
  }
}

function interfaceSchema(declaration, scope) {
  const members = declaration.members.filter(ts.isPropertySignature)
  const nameOf = (member) => (ts.isStringLiteral(member.name) ? member.name.text : member.name.getText())
  const required = members.filter((member) => !member.questionToken).map(nameOf)
  const properties = Object.fromEntries(
    members.map((member) => [nameOf(member), propertySchema(member, nameOf(member), scope)]),
  )
  const identity = identityOf(members, nameOf)
  return {
    type: 'object',
    description: docOf(declaration),
    ...(members.length > 0 && { properties }),
    ...(required.length > 0 && { required }),
    ...(identity && { 'x-kubernetes-group-version-kind': [identity] }),
  }
}

function propertySchema(member, name, scope) {
  const schema = typeSchema(member.type, name, scope)
  const description = docOf(member)
  const base = schema.$ref ? { allOf: [schema] } : schema
  return description ? { ...base, description } : base
}

/** A type with literal `apiVersion` and `kind` is a kind. */
function identityOf(members, nameOf) {
  const literal = (name) => {
    const type = members.find((member) => nameOf(member) === name)?.type
    return type && ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? type.literal.text : undefined
  }
  const [apiVersion, kind] = [literal('apiVersion'), literal('kind')]
  if (!apiVersion || !kind) return undefined
  const [version, group = ''] = apiVersion.split('/').reverse()
  return { group, version, kind }
}

function typeSchema(type, name, scope) {
  if (ts.isParenthesizedTypeNode(type)) return typeSchema(type.type, name, scope)
  if (ts.isArrayTypeNode(type)) return { type: 'array', items: typeSchema(type.elementType, name, scope) }
  if (ts.isTypeReferenceNode(type)) return referenceSchema(type, name, scope)
  if (ts.isUnionTypeNode(type)) {
    const has = (kind) => type.types.some((part) => part.kind === kind)
    const isIntOrString = has(ts.SyntaxKind.NumberKeyword) && has(ts.SyntaxKind.StringKeyword)
    return isIntOrString ? { $ref: REF + INT_OR_STRING } : { 'x-kubernetes-preserve-unknown-fields': true }
  }
  if (ts.isTypeLiteralNode(type)) {
    const index = type.members.find(ts.isIndexSignatureDeclaration)
    return index ? { type: 'object', additionalProperties: typeSchema(index.type, name, scope) } : { type: 'object' }
  }
  switch (type.kind) {
    case ts.SyntaxKind.StringKeyword:
    case ts.SyntaxKind.LiteralType:
      return { type: 'string' }
    case ts.SyntaxKind.NumberKeyword:
      return { type: 'integer', format: INT64.has(name) ? 'int64' : 'int32' }
    case ts.SyntaxKind.BooleanKeyword:
      return { type: 'boolean' }
    case ts.SyntaxKind.AnyKeyword:
    case ts.SyntaxKind.ObjectKeyword:
      return { type: 'object' }
    default:
      throw new Error(`a declaration that is not understood: ${type.getText()}`)
  }
}

function referenceSchema(type, name, scope) {
  const target = type.typeName.getText()
  if (target === 'Array') return { type: 'array', items: typeSchema(type.typeArguments[0], name, scope) }
  if (!scope.imported.has(target)) return { $ref: REF + scope.prefix + target }
  const known = scope.imported.get(target)
  return known ? { $ref: REF + known } : { type: 'object' }
}

function docOf(node) {
  const parts = ts
    .getJSDocCommentsAndTags(node)
    .map((doc) => (typeof doc.comment === 'string' ? doc.comment : ts.getTextOfJSDocComment(doc.comment)))
  return parts.filter(Boolean).join('\n') || undefined
}
