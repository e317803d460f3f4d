// check.ts - one thing that must be right before a device can work: its name, how it went, and the mend
export interface Check {
  name: string
  result: 'PASS' | 'FAIL' | 'NOTE'
  /** What was found. */
  detail: string
  /** What to do; for a failure always. */
  mend?: string
}

export const pass = (name: string, detail: string): Check => ({ name, result: 'PASS', detail })
export const note = (name: string, detail: string, mend?: string): Check => ({
  name,
  result: 'NOTE',
  detail,
  ...(mend && { mend }),
})
export const fail = (name: string, detail: string, mend: string): Check => ({ name, result: 'FAIL', detail, mend })

export const printCheck = ({ name, result, detail, mend }: Check): string =>
  `${result}  ${name}: ${detail}${mend ? `\n      ${mend}` : ''}\n`

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
