// names.ts - what may be called what: DNS names, label keys and values, ports, environment variables; in upstream's words

const LABEL_LENGTH_MAX = 63
const SUBDOMAIN_LENGTH_MAX = 253

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const LABEL_1035_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const QUALIFIED_MESSAGE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const CONFIG_KEY_MESSAGE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
const ENV_MESSAGE = "a valid environment variable name must consist only of printable ASCII characters other than '='"
const tooLong = (max: number) => `must be no more than ${max} characters`

/** Each answers what is wrong, or undefined. Lengths come first: no pattern sees an endless text. */
export type NameCheck = (text: string) => string | undefined

export const dnsLabelError: NameCheck = (text) =>
  text.length > LABEL_LENGTH_MAX ? tooLong(LABEL_LENGTH_MAX) : DNS_LABEL.test(text) ? undefined : LABEL_MESSAGE

export const dns1035LabelError: NameCheck = (text) =>
  text.length > LABEL_LENGTH_MAX
    ? tooLong(LABEL_LENGTH_MAX)
    : DNS_LABEL.test(text) && /^[a-z]/.test(text)
      ? undefined
      : LABEL_1035_MESSAGE

export const dnsSubdomainError: NameCheck = (text) =>
  text.length > SUBDOMAIN_LENGTH_MAX
    ? tooLong(SUBDOMAIN_LENGTH_MAX)
    : DNS_SUBDOMAIN.test(text)
      ? undefined
      : SUBDOMAIN_MESSAGE

/** Names of RBAC objects: anything that can be one segment of a path. */
export const pathSegmentError: NameCheck = (text) => {
  if (text === '.' || text === '..') return `may not be '${text}'`
  const wrong = ['/', '%'].find((character) => text.includes(character))
  return wrong && `may not contain '${wrong}'`
}

/** "app" or "example.com/app": keys of labels and taints. */
export const qualifiedNameError: NameCheck = (text) => {
  const parts = text.split('/')
  const name = parts.at(-1) ?? ''
  if (parts.length > 2)
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/'"
  if (parts.length === 2) {
    const wrong = parts[0] === '' ? 'must be non-empty' : dnsSubdomainError(parts[0] ?? '')
    if (wrong) return `prefix part ${wrong}`
  }
  if (name === '') return 'name part must be non-empty'
  if (name.length > LABEL_LENGTH_MAX) return `name part ${tooLong(LABEL_LENGTH_MAX)}`
  return QUALIFIED.test(name) ? undefined : QUALIFIED_MESSAGE
}

export const labelValueError: NameCheck = (text) =>
  text.length > LABEL_LENGTH_MAX
    ? tooLong(LABEL_LENGTH_MAX)
    : text === '' || QUALIFIED.test(text)
      ? undefined
      : LABEL_VALUE_MESSAGE

export const configKeyError: NameCheck = (text) => {
  if (text.length > SUBDOMAIN_LENGTH_MAX) return tooLong(SUBDOMAIN_LENGTH_MAX)
  if (!/^[-._a-zA-Z0-9]+$/.test(text)) return CONFIG_KEY_MESSAGE
  if (text === '.') return "must not be '.'"
  if (text === '..') return "must not be '..'"
  return text.startsWith('..') ? "must not start with '..'" : undefined
}

export const envNameError: NameCheck = (text) => (/^[\x20-\x3c\x3e-\x7e]+$/.test(text) ? undefined : ENV_MESSAGE)

/** Names of container ports: IANA service names. */
export const portNameError: NameCheck = (text) => {
  if (text.length > 15) return tooLong(15)
  if (!/^[-a-z0-9]+$/.test(text)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
  if (!/[a-z]/.test(text)) return 'must contain at least one letter (a-z)'
  if (text.includes('--')) return 'must not contain consecutive hyphens'
  return text.startsWith('-') || text.endsWith('-') ? 'must not begin or end with a hyphen' : undefined
}

export const portNumberError = (port: number): string | undefined =>
  Number.isInteger(port) && port >= 1 && port <= 65_535 ? undefined : 'must be between 1 and 65535, inclusive'

export const isLabelKey = (text: string): boolean => qualifiedNameError(text) === undefined
export const isLabelValue = (text: string): boolean => labelValueError(text) === undefined
