// object.ts - what every stored object has, and the types of the kinds that act; generated schemas come from the same source
import type * as Apps from 'kubernetes-types/apps/v1.js'
import type * as Coordination from 'kubernetes-types/coordination/v1.js'
import type * as Core from 'kubernetes-types/core/v1.js'
import type { LabelSelector, ManagedFieldsEntry, OwnerReference } from 'kubernetes-types/meta/v1.js'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

export interface Meta {
  name: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
  namespace?: string
  generateName?: string
  generation?: number
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Readonly<Record<string, string>>
  annotations?: Readonly<Record<string, string>>
  finalizers?: readonly string[]
  ownerReferences?: readonly OwnerReference[]
  managedFields?: readonly ManagedFieldsEntry[]
}

/** As stored: metadata is complete, the rest is the kind's own. Stored objects are never changed in place. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Meta
  spec?: unknown
  status?: unknown
}

/** As handed in by a controller that creates: the store fills in the rest of the metadata. */
export type NewMeta = Partial<Meta> & ({ name: string } | { generateName: string })
export type NewObject<T extends KubeObject> = Omit<T, 'metadata'> & { metadata: NewMeta }

/** A kind with spec and status, from its declared parts. */
export type Of<Spec, Status> = KubeObject & { spec: Spec; status?: Status }

export type Pod = Of<Core.PodSpec, Core.PodStatus>
export type Node = Of<Core.NodeSpec, Core.NodeStatus>
export type Namespace = Of<Core.NamespaceSpec, Core.NamespaceStatus>
export type Deployment = Of<Apps.DeploymentSpec, Apps.DeploymentStatus>
export type ReplicaSet = Of<Apps.ReplicaSetSpec, Apps.ReplicaSetStatus>
export type DaemonSet = Of<Apps.DaemonSetSpec, Apps.DaemonSetStatus>
export type Service = Of<Core.ServiceSpec, Core.ServiceStatus>
export type Lease = Of<Coordination.LeaseSpec, never>
export type ControllerRevision = KubeObject & Pick<Apps.ControllerRevision, 'data' | 'revision'>
export type ConfigMap = KubeObject & Pick<Core.ConfigMap, 'data' | 'binaryData' | 'immutable'>
export type Secret = KubeObject & Pick<Core.Secret, 'data' | 'stringData' | 'type' | 'immutable'>
export type ServiceAccount = KubeObject &
  Pick<Core.ServiceAccount, 'secrets' | 'imagePullSecrets' | 'automountServiceAccountToken'>
export type Event = KubeObject & Omit<Core.Event, keyof KubeObject>

export type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Lifecycle,
  NodeCondition,
  NodeSelectorTerm,
  NodeStatus,
  PodAffinityTerm,
  PodCondition,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  Taint,
  Toleration,
  TopologySpreadConstraint,
  Volume,
  VolumeMount,
  WeightedPodAffinityTerm,
} from 'kubernetes-types/core/v1.js'
export type {
  DeploymentCondition,
  DeploymentStatus,
  DaemonSetStatus,
  ReplicaSetStatus,
} from 'kubernetes-types/apps/v1.js'
export type { LabelSelector, ManagedFieldsEntry, OwnerReference }
