// hub-info.ts - the ConfigMap in kube-public in which a hub says how devices reach it
import type { ConfigMap } from '../kinds/object.ts'

export const HUB_INFO_NAMESPACE = 'kube-public'
export const HUB_INFO_NAME = 'holdfast-hub'

/** Answers a copy of the store to administrators. */
export const BACKUP_PATH = '/holdfast/backup'

export interface HubInfo {
  /** "host:port" of the HTTPS port, best first. */
  addresses: readonly string[]
  version: string
}

export const hubInfoData = ({ addresses, version }: HubInfo): Record<string, string> => ({
  addresses: addresses.join('\n'),
  version,
})

export const hubAddressesOf = ({ data = {} }: Pick<ConfigMap, 'data'>): readonly string[] =>
  (data['addresses'] ?? '').split('\n').filter((address) => address !== '')
