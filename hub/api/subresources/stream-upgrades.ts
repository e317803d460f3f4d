// stream-upgrades.ts - pods/exec, pods/attach and pods/portforward: reads the request, leaves the rest to the streams
import { badRequest } from '../../../shared/kinds/status-error.ts'
import type { Reader } from '../../store/store.ts'
import type { ApiCall, Extension, Upgrade } from '../extension.ts'
import { flag } from '../query.ts'
import { refuseUpgrade } from '../streams/refuse.ts'
import { serveExec, type StreamServices } from '../streams/serve-exec.ts'
import { servePortForward } from '../streams/serve-port-forward.ts'
import { containerOf, nodeOf, podKey, podOf, refuseCompleted } from './pod-target.ts'

/** What Linux takes as arguments of a program is larger; what people type is far smaller. */
const COMMAND_BYTES_MAX = 64 * 1024

export interface StreamUpgradesDeps extends StreamServices {
  objects: Reader
}

type Serve = (...args: Parameters<Upgrade>) => Promise<void>

export function createStreamUpgrades({ objects, ...services }: StreamUpgradesDeps): Extension {
  const running = (call: ApiCall) => {
    const pod = podOf(call, objects)
    refuseCompleted(pod)
    return { pod, node: nodeOf(pod) }
  }

  const exec: Serve = async (call, socket, head) => {
    const { pod, node } = running(call)
    const command = call.query.getAll('command')
    if (command.length === 0) throw badRequest('you must specify at least 1 command for the container')
    if (command.join(' ').length > COMMAND_BYTES_MAX) throw badRequest('the command is too long')
    const container = containerOf(pod, call.query.get('container'))
    const target = { kind: 'exec' as const, podUid: pod.metadata.uid, container, command, ...wantedStreams(call.query) }
    await serveExec({ request: call.request, socket, head, user: call.user }, { node, target }, services)
  }
  const attach: Serve = async (call, socket, head) => {
    const { pod, node } = running(call)
    const container = containerOf(pod, call.query.get('container'))
    const target = { kind: 'attach' as const, podUid: pod.metadata.uid, container, ...wantedStreams(call.query) }
    await serveExec({ request: call.request, socket, head, user: call.user }, { node, target }, services)
  }
  const portForward: Serve = async (call, socket, head) => {
    const { pod, node } = running(call)
    const ports = call.query.getAll('ports').flatMap((text) => text.split(',').filter(Boolean).map(Number))
    const target = { node, podUid: pod.metadata.uid, pod: podKey(pod), ports }
    await servePortForward({ request: call.request, socket, head, user: call.user }, target, services)
  }

  const upgrades = {
    '/pods/exec': answered(exec),
    '/pods/attach': answered(attach),
    '/pods/portforward': answered(portForward),
  }
  const needsUpgrade = () => {
    throw badRequest('Upgrade request required')
  }
  return { upgrades, handlers: Object.fromEntries(Object.keys(upgrades).map((key) => [key, needsUpgrade])) }
}

/** Whatever goes wrong before the upgrade is answered in HTTP. */
const answered =
  (serve: Serve): Upgrade =>
  (call, socket, head) => {
    // Its 'close' follows, which ends whatever hangs on it; without a listener the process would end instead.
    socket.on('error', () => socket.destroy())
    serve(call, socket, head).catch((error: unknown) => refuseUpgrade(socket, error))
  }

function wantedStreams(query: URLSearchParams) {
  const wanted = {
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    tty: flag(query, 'tty'),
  }
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr)
    throw badRequest('you must specify at least one of stdin, stdout, stderr')
  return wanted
}
