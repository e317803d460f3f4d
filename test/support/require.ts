// require.ts - what a test needs from the machine: found by itself, named in one line when missing, demanded by HOLDFAST_REQUIRE
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** All that a test is ever skipped for: what is not named here cannot be missing unseen. */
const NEEDS = ['docker', 'dockerd', 'faketime', 'kubectl', 'linux', 'mount', 'netns', 'python-kubernetes'] as const
export type Need = (typeof NEEDS)[number]

const EVERYTHING = 'all'

/** The needs that HOLDFAST_REQUIRE names; a word that is none would demand nothing, and nobody would see it. */
function demandedBy(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim())
  const unknown = words.find((word) => word !== '' && word !== EVERYTHING && !NEEDS.some((need) => need === word))
  if (unknown !== undefined)
    throw new Error(`HOLDFAST_REQUIRE knows ${NEEDS.join(', ')} and ${EVERYTHING}, not ${unknown}`)
  return words.includes(EVERYTHING) ? NEEDS : words
}

/** Undefined when the need is met by `found`; else the reason to skip. Throws when HOLDFAST_REQUIRE demands it. */
export const skipUnless = (need: Need, found: string | undefined): string | undefined =>
  skipFor(need, found ? undefined : `${need} is not on this machine, or cannot be used`)

/** The same for whoever knows why it cannot be used. */
export function skipFor(
  need: Need,
  whyNot: string | undefined,
  demands = process.env['HOLDFAST_REQUIRE'] ?? '',
): string | undefined {
  const demanded = demandedBy(demands)
  if (whyNot === undefined) return undefined
  if (demanded.includes(need)) throw new Error(`HOLDFAST_REQUIRE demands ${need}: ${whyNot}`)
  return whyNot
}

/** Where the kernel does not show its processes as files there are no plain processes and no signals to a sandbox. */
export const skipOffLinux = (): string | undefined =>
  skipFor('linux', process.platform === 'linux' ? undefined : 'this needs Linux')

export function findDocker(): string | undefined {
  const host = process.env['DOCKER_HOST']
  if (host) return host
  const sockets = [
    '/var/run/docker.sock',
    `/run/user/${process.getuid?.() ?? 0}/podman/podman.sock`,
    '/run/podman/podman.sock',
  ]
  const socket = sockets.find((path) => existsSync(path))
  return socket && `unix://${socket}`
}

/** The oldest minor that we promise; Debian 12 has 1.20, which knows neither what we answer with nor half of what tests ask. */
const KUBECTL_MINOR_MIN = 28
let kubectl: { path: string | undefined } | undefined

/** Looked for once: each look starts a program of 80 MB. */
export function findKubectl(): string | undefined {
  kubectl ??= { path: usableKubectl(process.env['KUBECTL'] ?? findProgram('kubectl')) }
  return kubectl.path
}

/** One that is too old would fail in a hundred obscure ways. */
export function usableKubectl(path: string | undefined, tell: (line: string) => void = say): string | undefined {
  if (path === undefined) return undefined
  const [, major, minor] = /"gitVersion": *"v(\d+)\.(\d+)/.exec(versionOf(path)) ?? []
  if (Number(major) >= 1 && Number(minor) >= KUBECTL_MINOR_MIN) return path
  const what = major === undefined ? 'does not say which version it is' : `is version ${major}.${minor}`
  tell(`${path} ${what}: put kubectl 1.${KUBECTL_MINOR_MIN} or newer on the PATH, or name one with KUBECTL`)
  return undefined
}

const say = (line: string) => void process.stderr.write(`${line}\n`)

function versionOf(path: string): string {
  const asked = ['version', '--client', '-o', 'json']
  try {
    return execFileSync(path, asked, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return '' // it does not run: the caller says so
  }
}

export function findProgram(name: string): string | undefined {
  try {
    return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined
  } catch {
    return undefined // not on the PATH: that is the answer
  }
}
