// upgrades.ts - requests that leave HTTP: exec, attach, port-forward, and the agents' own links
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { noSuchPath } from '../../shared/kinds/status-error.ts'
import type { Access, Upgrade } from './extension.ts'
import { resourceAt, type KindLookup } from './paths.ts'
import type { PlainRoutes } from './plain-routes.ts'
import { urlOf } from './request-url.ts'
import type { Requests } from './requests.ts'
import { handlerKey } from './resource.ts'
import { refuseUpgrade } from './streams/refuse.ts'
import { fieldManager, isDryRun } from './write-options.ts'

export interface UpgradesDeps {
  registry: KindLookup
  access: Access
  upgrades: ReadonlyMap<string, Upgrade>
  routes: PlainRoutes
  requests: Pick<Requests, 'known'>
}

export function createUpgrades({ registry, access, upgrades, routes, requests }: UpgradesDeps) {
  async function route(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = urlOf(request)
    const plain = routes.find(url.pathname)
    if (plain?.upgrade) {
      await routes.admit(plain, request)
      return plain.upgrade(request, socket, head)
    }
    const at = resourceAt(registry, url.pathname)
    const upgrade = at && upgrades.get(handlerKey(at))
    if (!upgrade) throw noSuchPath()
    const user = await access.authenticate(request)
    const { kind, namespace, name, subresource } = at
    // Whatever the method: who opens a stream into a container creates something there.
    access.authorize(user, {
      verb: 'create',
      group: kind.group,
      version: kind.version,
      resource: kind.plural,
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
    })
    const query = url.searchParams
    const call = { ...at, query, user, request, dryRun: isDryRun(query), warn() {} }
    upgrade({ ...call, fieldManager: fieldManager(query, request.headers['user-agent']) }, socket, head)
  }

  return {
    async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
      // The socket is ours now: an error without a listener would end the hub. Its owner learns of it by `close`.
      socket.on('error', () => socket.destroy())
      try {
        await route(request, socket, head)
      } catch (error) {
        refuseUpgrade(socket, requests.known(error, request))
      }
    },
  }
}
