// hub-places.ts - where the hub may be reached: the place that worked last first, and the next one after each that did not
import { joinAddress, splitAddress } from './hub-address.ts'
import type { Identity } from './identity.ts'

export interface HubPlace {
  host: string
  apiPort: number
  mqttPort: number
}

export interface HubPlaces {
  all: readonly HubPlace[]
  current(): HubPlace
  /** It could not be reached there; nothing else of what it may answer leads elsewhere. */
  failed(place: HubPlace): void
}

/** `said` is what the owner of the device says, who knows better than what the hub said when the device joined. */
export function createHubPlaces({ hub }: Pick<Identity, 'hub'>, said: readonly string[] = []): HubPlaces {
  const placeOf = (address: string): HubPlace => {
    const { host, port } = splitAddress(address)
    return { host, apiPort: port, mqttPort: hub.mqttPort }
  }
  const { others = [], ...joined } = hub
  const all = [...said.map(placeOf), joined, ...others.map(placeOf)]
  const places = all.filter((place, at) => all.findIndex((one) => isSame(one, place)) === at)
  let at = 0
  const current = () => places[at % places.length] ?? joined
  return {
    all: places,
    current,
    failed(place) {
      // Two that were tried at the same place are one failure.
      if (isSame(place, current())) at++
    },
  }
}

export const apiAddressOf = ({ host, apiPort }: HubPlace): string => joinAddress(host, apiPort)

const isSame = (one: HubPlace, other: HubPlace) => one.host === other.host && one.apiPort === other.apiPort
