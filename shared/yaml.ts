// yaml.ts - YAML as kubectl reads it (1.1), bounded: the only importer of the YAML library
import { Composer, Lexer, Parser, stringify, type CST, type Tags } from 'yaml'

/** Deep nesting exhausts the stack of the library's composer, which ends the whole process: counted before composing. */
const DEPTH_MAX = 64
/** One level of YAML costs its parser up to this many entries of its stack (a collection in an item in a document). */
const STACK_PER_LEVEL = 2
/** Tags of YAML 1.1 that JSON has no words for; upstream reads such values as plain strings. */
const TAGS_LEFT_OUT = new Set(
  ['binary', 'omap', 'pairs', 'set', 'timestamp'].map((name) => `tag:yaml.org,2002:${name}`),
)

export interface YamlDocument {
  value: unknown
  /** Keys that appear twice in one map, in the library's words; the last one has won. */
  duplicates: readonly string[]
}

export class YamlError extends Error {
  override readonly name = 'YamlError'
}

/** One document, `undefined` when it is empty. Throws YamlError on syntax, depth, or too many aliases. */
export function parseYaml(text: string): YamlDocument {
  const composer = new Composer({ version: '1.1', customTags: leaveOut })
  const [document, another] = composer.compose(tokensOf(text))
  if (another) throw new YamlError('only one YAML document is expected')
  if (!document) return { value: undefined, duplicates: [] }
  const fatal = document.errors.find((error) => error.code !== 'DUPLICATE_KEY')
  if (fatal) throw new YamlError(fatal.message)
  const duplicates = document.errors.map((error) => error.message)
  try {
    return { value: document.toJS(), duplicates }
  } catch (error) {
    // Here the library throws only for aliases: unresolved ones, and bombs of more than its limit.
    throw new YamlError(error instanceof Error ? error.message : String(error))
  }
}

export const toYaml = (value: unknown): string => stringify(value, { version: '1.1', aliasDuplicateObjects: false })

/** `1:30` is a time of day in YAML 1.1 and a port mapping in a manifest: the TIME formats go too. */
const leaveOut = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !(TAGS_LEFT_OUT.has(tag.tag) || formatOf(tag) === 'TIME'))

const formatOf = (tag: object): unknown => ('format' in tag ? tag.format : undefined)

function tokensOf(text: string): CST.Token[] {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (parser.stack.length > DEPTH_MAX * STACK_PER_LEVEL) throw new YamlError(`nested deeper than ${DEPTH_MAX} levels`)
  }
  for (const token of parser.end()) tokens.push(token)
  return tokens
}
