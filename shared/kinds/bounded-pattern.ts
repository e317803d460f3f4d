// bounded-pattern.ts - matches text against the patterns of custom kinds, whose authors may be careless or hostile, in bounded time
import { createContext, Script } from 'node:vm'

/** Longer texts are refused unseen. */
export const PATTERN_TEXT_MAX = 1_024
/** A sane pattern needs microseconds. `(a+)+` needs longer than the hub lives. */
const MATCH_MS_MAX = 50
/** Patterns come with definitions, which are few; the oldest go when they are not. */
const PATTERNS_MAX = 1_000

export type Match = 'yes' | 'no' | 'too slow'

interface Pattern {
  expression: RegExp
  /** Then it is matched under a deadline, which costs some 150 us each time; without one it is less than 1 us. */
  mayBeSlow: boolean
}

const compiled = new Map<string, Pattern | undefined>()
// The engine can only be interrupted from inside a script with a deadline, so there is one that does nothing but match.
const script = new Script('expression.test(text)')
const sandbox = createContext({ expression: /x/, text: '' })

/** A pattern that JavaScript cannot read lets everything pass; no definition may bring one. */
export function matchPattern(pattern: string, text: string): Match {
  const known = compile(pattern)
  if (!known) return 'yes'
  if (!known.mayBeSlow) return known.expression.test(text) ? 'yes' : 'no'
  Object.assign(sandbox, { expression: known.expression, text })
  try {
    return script.runInContext(sandbox, { timeout: MATCH_MS_MAX }) === true ? 'yes' : 'no'
  } catch (error) {
    // It comes from the other realm, where Error is not our Error.
    if (typeof error === 'object' && error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      return 'too slow'
    throw error
  }
}

/** Why a definition may not bring this pattern; undefined when it may. */
export function patternError(pattern: string): string | undefined {
  if (pattern.length > PATTERN_TEXT_MAX) return `must be at most ${PATTERN_TEXT_MAX} characters`
  return compile(pattern) ? undefined : 'must be valid regular expression, but was not'
}

function compile(pattern: string): Pattern | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern)
  if (compiled.size >= PATTERNS_MAX) compiled.delete(compiled.keys().next().value ?? '')
  const expression = expressionOf(pattern)
  const known = expression && { expression, mayBeSlow: mayBeSlow(pattern) }
  compiled.set(pattern, known)
  return known
}

/** So many ways to go on in a row are tried out quickly, whatever follows them. */
const CHOICES_MAX = 8
/** With one repeat beside them, which tries each of them for each length. */
const CHOICES_BESIDE_REPEAT_MAX = 3

/**
 * Backtracking is quick where one repeat goes over one character or one fixed word. It is not where a repeat goes over
 * choices, as in `(a|a)*` and `(a|a){50}`, where repeats multiply, or where choices do, as in `a?a?a?a?`. What cannot be
 * told from the signs alone counts as slow.
 */
function mayBeSlow(pattern: string): boolean {
  if (/\\[1-9k]/.test(pattern)) return true
  // Escaped signs and those in classes are characters, and the "?" of "(?:" is none.
  const signs = pattern
    .replace(/\\./gs, 'x')
    .replace(/\[[^\]]*\]/g, 'x')
    .replaceAll('(?', '(')
  const repeats = signs.match(/[*+]|\{\d/g)?.length ?? 0
  const choices = signs.match(/[|?]/g)?.length ?? 0
  if (repeats === 0) return choices > CHOICES_MAX
  const goesOverGroup = /\)([*+]|\{\d)/.test(signs)
  return repeats > 1 || choices > (goesOverGroup ? 0 : CHOICES_BESIDE_REPEAT_MAX)
}

/** Go's way to ignore case, which JavaScript has as a flag. */
const IGNORE_CASE = '(?i)'

function expressionOf(pattern: string): RegExp | undefined {
  const ignoresCase = pattern.startsWith(IGNORE_CASE)
  const source = ignoresCase ? pattern.slice(IGNORE_CASE.length) : pattern
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, ignoresCase ? `${flags}i` : flags)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}
