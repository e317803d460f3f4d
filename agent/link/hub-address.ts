// hub-address.ts - how people and tokens write where the hub's HTTPS port is: "hub:6443", "10.0.0.7", "[::1]:6443"
const API_PORT = 6443

export function splitAddress(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(`https://${address}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (address.endsWith(':443') ? 443 : API_PORT) }
}

export const isAddress = (text: string): boolean => URL.canParse(`https://${text}`) && /^[\w.:[\]-]+$/.test(text)

export const joinAddress = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
