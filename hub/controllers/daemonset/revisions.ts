// revisions.ts - carries out the history of a DaemonSet in its ControllerRevision objects
import { CONTROLLER_REVISION } from '../../../shared/kinds/controller-revision.ts'
import type { ControllerRevision, DaemonSet, Pod } from '../../../shared/kinds/object.ts'
import { StatusError } from '../../../shared/kinds/status-error.ts'
import type { Objects } from '../../store/objects.ts'
import { findCurrent, hashOf, planHistory, planHistoryCleanup, type HistoryStep } from './history.ts'

export interface Revisions {
  /** Makes sure that the current template has the highest revision; answers the hash that its pods are labelled with. */
  keep(daemonSet: DaemonSet): { hash: string | undefined; collided: boolean }
  cleanUp(daemonSet: DaemonSet, pods: readonly Pod[]): void
}

export function createRevisions(objects: Objects): Revisions {
  const revisionsOf = (daemonSet: DaemonSet): readonly ControllerRevision[] =>
    objects.by(CONTROLLER_REVISION, 'controllerUid', daemonSet.metadata.uid)

  /** Answers true when the name is taken by another template's revision. */
  function carryOut(step: HistoryStep): boolean {
    const { namespace, name = '' } = step.revision.metadata
    switch (step.do) {
      case 'create':
        try {
          objects.create(CONTROLLER_REVISION, step.revision)
          return false
        } catch (error) {
          if (error instanceof StatusError && error.reason === 'AlreadyExists') return true
          throw error
        }
      case 'renumber':
        objects.modify(CONTROLLER_REVISION, namespace, name, (current) => ({ ...current, revision: step.to }))
        return false
      case 'delete':
        objects.delete(CONTROLLER_REVISION, namespace, name)
        return false
    }
  }

  return {
    keep(daemonSet) {
      let collided = false
      if (!daemonSet.metadata.deletionTimestamp)
        for (const step of planHistory(daemonSet, revisionsOf(daemonSet))) collided = carryOut(step) || collided
      const current = findCurrent(daemonSet, revisionsOf(daemonSet))
      return { hash: current && hashOf(current), collided }
    },
    cleanUp(daemonSet, pods) {
      if (daemonSet.metadata.deletionTimestamp) return
      for (const step of planHistoryCleanup(daemonSet, revisionsOf(daemonSet), pods)) carryOut(step)
    },
  }
}
