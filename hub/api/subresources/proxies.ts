// proxies.ts - nodes/proxy, pods/proxy and services/proxy: refused, with what to use instead
import { StatusError } from '../../../shared/kinds/status-error.ts'
import type { Handler } from '../extension.ts'

const refuse =
  (what: string, instead: string): Handler =>
  () => {
    const why = 'agents open no port that the hub could connect to'
    throw new StatusError(
      405,
      'MethodNotAllowed',
      `${what}/proxy is not supported, because ${why}; use ${instead} instead`,
    )
  }

export const proxyRefusals: Readonly<Record<string, Handler>> = {
  '/nodes/proxy': refuse('nodes', 'kubectl logs, exec, port-forward, top or describe node'),
  '/pods/proxy': refuse('pods', 'kubectl port-forward'),
  '/services/proxy': refuse('services', 'kubectl port-forward svc/NAME'),
}
