// stored-version.ts - kinds that are served in several versions are stored in one of them
import type { Kind } from '../../shared/kinds/kind.ts'
import type { KubeObject } from '../../shared/kinds/object.ts'

/** Under which row of the table of kinds its objects are in the store. */
export const storedKind = (kind: Kind): Kind => kind.storage?.kind ?? kind

export const toStored = (kind: Kind, object: KubeObject): KubeObject => kind.storage?.toStorage(object) ?? object

/** Whether its objects may be in the store in another form than its own. */
export const isConverted = (kind: Kind): boolean => kind.storage !== undefined || kind.fromEarlier !== undefined

/** The cast says: what is stored for a kind, converted to it, has the type that its row promises. */
export const fromStored = <T extends KubeObject>(kind: Kind<T>, object: KubeObject): T =>
  (kind.storage ? kind.storage.fromStorage(object) : (kind.fromEarlier?.(object) ?? object)) as T

export const allFromStored = <T extends KubeObject>(kind: Kind<T>, objects: readonly KubeObject[]): readonly T[] =>
  isConverted(kind) ? objects.map((object) => fromStored(kind, object)) : (objects as readonly T[])
