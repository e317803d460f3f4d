// quantity.ts - Kubernetes quantities: "500m", "1.5Gi", "1e3"; exact in billionths, printed in their one canonical form

export type QuantityFormat = 'decimal' | 'binary' | 'exponent'

export interface Quantity {
  readonly nanos: bigint
  readonly format: QuantityFormat
}

const NANO = 1_000_000_000n
/** Upstream caps what a quantity can hold here; without a cap "1e999999999" would take all memory. */
const NANOS_MAX = (2n ** 63n - 1n) * NANO
/** Longer than any real quantity, short enough that big numbers stay cheap. */
const TEXT_LENGTH_MAX = 64
/** Beyond these the value is capped, or below one billionth, whatever its digits. */
const EXPONENT_MAX = 100

const PATTERN = /^([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** What upstream says about text that is no quantity. */
export const QUANTITY_PATTERN_MESSAGE =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

export function parseQuantity(value: unknown): Quantity | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.length > TEXT_LENGTH_MAX) return undefined
  const match = PATTERN.exec(text)
  if (!match) return undefined
  const [, sign, digits = '', suffix = ''] = match
  const { base, exponent, format } = scaleOf(suffix)
  const [whole = '', fraction = ''] = digits.split('.')
  const mantissa = BigInt(whole + fraction || '0')
  const nanos =
    base === 2n ? binaryNanos(mantissa, exponent, fraction.length) : decimalNanos(mantissa, exponent - fraction.length)
  return { nanos: sign === '-' ? -nanos : nanos, format }
}

function scaleOf(suffix: string): { base: 2n | 10n; exponent: number; format: QuantityFormat } {
  if (/^[eE][+-]?\d/.test(suffix)) return { base: 10n, exponent: Number(suffix.slice(1)), format: 'exponent' }
  if (suffix.endsWith('i')) return { base: 2n, exponent: BINARY.indexOf(suffix) * 10, format: 'binary' }
  return { base: 10n, exponent: (DECIMAL.indexOf(suffix) - 3) * 3, format: 'decimal' }
}

function decimalNanos(mantissa: bigint, exponent: number): bigint {
  if (mantissa === 0n) return 0n
  const power = Math.max(-EXPONENT_MAX, Math.min(EXPONENT_MAX, exponent)) + 9
  return cap(power >= 0 ? mantissa * 10n ** BigInt(power) : divideUp(mantissa, 10n ** BigInt(-power)))
}

const binaryNanos = (mantissa: bigint, exponent: number, fractionDigits: number): bigint =>
  cap(divideUp(mantissa * 2n ** BigInt(exponent) * NANO, 10n ** BigInt(fractionDigits)))

/** Upstream rounds away from zero: nobody gets less than they asked for. */
const divideUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by
const cap = (nanos: bigint): bigint => (nanos > NANOS_MAX ? NANOS_MAX : nanos)

export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0'
  const isSmall = nanos > -1024n * NANO && nanos < 1024n * NANO
  if (format === 'binary' && !isSmall && nanos % NANO === 0n) {
    const [value, step] = factorOut(nanos / NANO, 1024n, BINARY.length - 1)
    return `${value}${BINARY[step]}`
  }
  const [value, step] = factorOut(nanos, 1000n, DECIMAL.length - 1)
  if (format !== 'exponent') return `${value}${DECIMAL[step]}`
  return step === 3 ? `${value}` : `${value}e${(step - 3) * 3}`
}

function factorOut(value: bigint, factor: bigint, stepsMax: number): [bigint, number] {
  let step = 0
  while (step < stepsMax && value % factor === 0n) {
    value /= factor
    step += 1
  }
  return [value, step]
}

/** The one spelling of a quantity; undefined for text that is none. */
export function canonicalQuantity(value: unknown): string | undefined {
  const quantity = parseQuantity(value)
  return quantity && formatQuantity(quantity)
}

/** Negative when a < b. What does not parse counts as zero: validation has refused it long before. */
export function compareQuantities(a: unknown, b: unknown): number {
  const difference = nanosOf(a) - nanosOf(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

export function addQuantities(a: unknown, b: unknown): string {
  const format = parseQuantity(a)?.format ?? parseQuantity(b)?.format ?? 'decimal'
  return formatQuantity({ nanos: nanosOf(a) + nanosOf(b), format })
}

/** Thousandths of a CPU, rounded up; 0 for what does not parse. */
export const milliCpu = (value: unknown): number => Number(roundUp(nanosOf(value), 1_000_000n))
/** Whole bytes (or pods, or devices), rounded up; 0 for what does not parse. */
export const bytes = (value: unknown): number => Number(roundUp(nanosOf(value), NANO))

export const milliCpuQuantity = (millis: number): string =>
  formatQuantity({ nanos: BigInt(Math.round(millis)) * 1_000_000n, format: 'decimal' })
export const bytesQuantity = (count: number): string =>
  formatQuantity({ nanos: BigInt(Math.round(count)) * NANO, format: 'binary' })

const nanosOf = (value: unknown): bigint => parseQuantity(value)?.nanos ?? 0n
const roundUp = (nanos: bigint, unit: bigint): bigint => (nanos > 0n ? divideUp(nanos, unit) : nanos / unit)
