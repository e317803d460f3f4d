// version.ts - what /version says: which Kubernetes clients may take us for
export interface VersionInfo {
  major: string
  minor: string
  gitVersion: string
  gitCommit: string
  gitTreeState: string
  buildDate: string
  goVersion: string
  compiler: string
  platform: string
}

export interface BuildFacts {
  /** Of Holdfast itself: "0.1.0". */
  version: string
  gitCommit?: string
  buildDate?: string
}

/** Clients warn when they are more than one minor apart, and some choose their own version by it. */
const KUBERNETES_MAJOR = '1'
const KUBERNETES_MINOR = '32'
const KUBERNETES_PATCH = '4'

/** Go's names, which clients print beside their own. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

export const versionInfo = ({ version, gitCommit = '', buildDate = '' }: BuildFacts): VersionInfo => ({
  major: KUBERNETES_MAJOR,
  minor: KUBERNETES_MINOR,
  gitVersion: `v${KUBERNETES_MAJOR}.${KUBERNETES_MINOR}.${KUBERNETES_PATCH}+holdfast-${version}`,
  gitCommit,
  gitTreeState: gitCommit ? 'clean' : '',
  buildDate,
  goVersion: `node${process.versions.node}`,
  compiler: 'v8',
  platform: `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`,
})
