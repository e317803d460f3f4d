// recovery.ts - how pods are marked whose objects the hub lost and got back from their devices, and where the hub says that it is recovering
import type { KubeObject } from './kinds/object.ts'

/** When the object came back. Whoever removes it says that the hub knows the pod again. */
export const UNKNOWN_ANNOTATION = 'holdfast.dev/unknown-to-the-hub'
/** What `kubectl get pods` shows in the column STATUS. */
export const UNKNOWN_REASON = 'Unknown to the hub'

/** A ConfigMap with `state` open or closed, `epoch`, `loss` and `since`. */
export const RECOVERY_NAMESPACE = 'kube-system'
export const RECOVERY_NAME = 'holdfast-recovery'

export const isUnknownToHub = ({ metadata }: Pick<KubeObject, 'metadata'>): boolean =>
  metadata.annotations?.[UNKNOWN_ANNOTATION] !== undefined
