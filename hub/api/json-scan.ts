// json-scan.ts - looks through JSON text before it is parsed: how deep it nests, and which keys appear twice
import { badRequest } from '../../shared/kinds/status-error.ts'

/** Our own walkers recurse over what was parsed; no real manifest comes near (a large CRD reaches about 40). */
export const DEPTH_MAX = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

interface Frame {
  readonly path: string
  /** Absent for arrays. */
  readonly keys?: Set<string>
  key: string
  index: number
}

/** Throws 400 on nesting beyond DEPTH_MAX and on keys that could reach a prototype; returns the paths of duplicate keys. */
export function scanJson(text: string): string[] {
  const duplicates: string[] = []
  const frames: Frame[] = []
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (nextCode(text, end + 1) === COLON) noteKey(frames.at(-1), keyText(text.slice(at, end + 1)), duplicates)
      at = end
      continue
    }
    const char = text[at]
    if (char === '{' || char === '[') {
      if (frames.length >= DEPTH_MAX) throw badRequest(`error decoding: nested deeper than ${DEPTH_MAX} levels`)
      frames.push({ path: pathOf(frames.at(-1)), ...(char === '{' && { keys: new Set<string>() }), key: '', index: 0 })
    } else if (char === '}' || char === ']') frames.pop()
    else if (char === ',') {
      const frame = frames.at(-1)
      if (frame) frame.index += 1
    }
  }
  return duplicates
}

function noteKey(frame: Frame | undefined, key: string, duplicates: string[]): void {
  if (key === '__proto__') throw badRequest('error decoding: "__proto__" is not a field')
  if (!frame?.keys) return
  frame.key = key
  if (frame.keys.has(key)) duplicates.push(pathOf(frame))
  frame.keys.add(key)
}

const pathOf = (frame: Frame | undefined): string => {
  if (!frame) return ''
  if (!frame.keys) return `${frame.path}[${frame.index}]`
  return frame.path ? `${frame.path}.${frame.key}` : frame.key
}

/** The index of the closing quote, or the end of the text when there is none: the parser then says so. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at += 1
    else if (code === QUOTE) return at
  }
  return text.length
}

function nextCode(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1
  return text.charCodeAt(at)
}

/** Escapes may hide a key: only those are decoded. Bad escapes are left for the parser to refuse. */
function keyText(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted
  }
}
