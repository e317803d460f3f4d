// banner.ts - what `npm start` prints when all is up: where things are, and what to try next
import type { Fate } from './workload.ts'

export interface Shown {
  server: string
  kubeconfig: string
  hello: Fate
  /** Undefined where no container engine answers. */
  container: Fate | undefined
}

export function banner({ server, kubeconfig, hello, container }: Shown): string {
  const at = urlOf(hello)
  const also = container && urlOf(container)
  const where = [
    `The API is at ${server}`,
    ...(at ? [`a workload answers at ${at}${also ? `, one in a container at ${also}` : ''}`] : []),
  ]
  const left = [leftAs('hello', hello), container && leftAs('hello-container', container)].filter(Boolean)
  return `
${['Holdfast runs. ' + where.join('; ') + '.', ...left].join('\n')}

  export KUBECONFIG=${kubeconfig}

Try next, in another terminal:
${[LOOK, ...nextOf(hello)].map(aligned).join('\n')}
`
}

const urlOf = (fate: Fate): string | undefined =>
  fate.kind === 'runs' && fate.port !== undefined ? `http://127.0.0.1:${fate.port}` : undefined

/** What its user has made of it is told, so that nobody waits for what does not come. */
function leftAs(name: string, fate: Fate): string | undefined {
  switch (fate.kind) {
    case 'runs':
      return undefined
    case 'stuck':
      return `${name} does not run: ${fate.why}.`
    case 'deleted':
    case 'scaled to 0':
      return `${name} is ${fate.kind}, as you left it.`
  }
}

type Suggestion = readonly [command: string, comment: string]
const LOOK: Suggestion = ['kubectl get pods -o wide', '# or: npx holdfast status']

function nextOf(hello: Fate): Suggestion[] {
  const url = urlOf(hello)
  switch (hello.kind) {
    case 'runs':
      return [
        ...(url ? [[`curl ${url}`, '# then stop this with Ctrl-C and curl again: it still answers'] as const] : []),
        ['kubectl scale deployment hello --replicas 0', '# and watch it go: kubectl get pods -w'],
      ]
    case 'scaled to 0':
      return [['kubectl scale deployment hello --replicas 1', '# and watch it come: kubectl get pods -w']]
    case 'deleted':
      return [['kubectl apply -f manifests/hello.yaml', '# and watch it come: kubectl get pods -w']]
    case 'stuck':
      return [['kubectl describe pods -l app=hello', '# what happened to it']]
  }
}

const aligned = ([command, comment]: Suggestion) => `  ${command.padEnd(49)} ${comment}`
