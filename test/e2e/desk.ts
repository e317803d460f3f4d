// desk.ts - what the stories of test/e2e say often: apply this, wait until that is shown
import type { Container, Deployment, Pod, PodSpec } from '../../shared/kinds/object.ts'
import { eventually } from '../support/eventually.ts'
import type { Kubectl } from '../support/kubectl.ts'

/** An image may have to be unpacked, on a machine that runs other tests beside. */
export const WITHIN_MS = 60_000

/** A shell that ends at once on TERM, as a good program does. */
export const shell = (script: string, rest: Partial<Container> = {}): Container => ({
  name: 'app',
  image: 'my-image',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', `trap 'exit 0' TERM; ${script}`],
  ...rest,
})

/** Goes on until it is told to end. */
export const FOR_EVER = 'while true; do sleep 1 & wait $!; done'

export const podManifest = (name: string, container: Container, spec: Partial<PodSpec> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 3, ...spec, containers: [container, ...(spec.containers ?? [])] },
})

export const deploymentManifest = (
  name: string,
  container: Container,
  { replicas = 1, ...spec }: Partial<Omit<Deployment['spec'], 'template' | 'selector'>> = {},
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    ...spec,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 3, containers: [container] },
    },
  },
})

export const apply = (kubectl: Kubectl, ...manifests: readonly object[]): Promise<string> =>
  kubectl.ok('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }))

/** Waits until the STATUS column of `kubectl get pod` shows it; answers the whole line. */
export const untilShown = (kubectl: Kubectl, pod: string, status: RegExp): Promise<string> =>
  eventually(async () => {
    const line = await kubectl.ok(`get pod ${pod} --no-headers`)
    if (!status.test(line.split(/\s+/)[2] ?? '')) throw new Error(`kubectl get pod shows ${line}`)
    return line
  }, WITHIN_MS)

/** Waits until `kubectl describe` tells all of it: a device says first what is, and then what happened. */
export const untilTold = (kubectl: Kubectl, what: string, ...said: readonly RegExp[]): Promise<void> =>
  eventually(async () => {
    const text = await kubectl.ok(`describe ${what}`)
    const missing = said.filter((one) => !one.test(text))
    if (missing.length > 0) throw new Error(`kubectl describe ${what} does not tell ${missing.join(', ')}:\n${text}`)
  }, WITHIN_MS)

export const untilReady = (kubectl: Kubectl, pod: string): Promise<string> =>
  kubectl.ok(`wait --for=condition=Ready pod/${pod} --timeout=60s`)

export const rolledOut = (kubectl: Kubectl, what: string): Promise<string> =>
  kubectl.ok(`rollout status ${what} --timeout=60s`)

export const isReady = (pod: Pod): boolean =>
  !pod.metadata.deletionTimestamp && pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
