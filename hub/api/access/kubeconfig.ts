// kubeconfig.ts - the object that kubectl reads: one cluster, the built-in users, a context for each
export interface KubeconfigUser {
  name: string
  token: string
}

export interface KubeconfigInput {
  /** "holdfast" unless several hubs share a file. */
  cluster: string
  /** "https://hub.example:6443" */
  server: string
  caPem: string
  /** The first one's context is the current one. */
  users: readonly [KubeconfigUser, ...KubeconfigUser[]]
}

export const kubeconfig = ({ cluster, server, caPem, users }: KubeconfigInput) => ({
  apiVersion: 'v1',
  kind: 'Config',
  preferences: {},
  clusters: [
    { name: cluster, cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
  ],
  users: users.map(({ name, token }) => ({ name, user: { token } })),
  contexts: users.map(({ name }) => ({ name, context: { cluster, user: name, namespace: 'default' } })),
  'current-context': users[0].name,
})
