// restore.ts - the hub's disk is lost and an older backup takes its place, which somebody has accepted
import { nextEpoch } from '../../hub/store/journal.ts'
import type { World } from './world.ts'

/** What devices were told to run. */
const heldUids = ({ sites }: World): string[] =>
  sites
    .flatMap(({ rules }) => rules.held?.pods ?? [])
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.uid)

/** `isNoted`: the mark beside the backup says how far the hub had come; without it the devices have to tell. */
export function restoreHub(world: World, isNoted: boolean): void {
  const { chance, hub, hubDisk, trace } = world
  const backup = world.backups.length > 0 ? chance.pick(world.backups) : undefined
  if (!backup || !hub.life) return
  const lost = hubDisk.image.meta
  hub.crash({ isPowerLoss: true, downMs: chance.between(1_000, 30_000) })
  trace.note('hub', 'an older backup is restored', { lost, backup: backup.meta, isNoted })
  const meta = isNoted ? { ...backup.meta, ...nextEpoch(backup.meta, lost) } : backup.meta
  hubDisk.restore({ meta, rows: backup.rows }, isNoted)
  world.user.restored()
  world.hubRules.restored()
  world.hubRules.lost(heldUids(world), backup.meta.revision)
  world.journalRules.excuseAll()
  if (isNoted) return
  // Nobody there knows that anything is missing before the first device has spoken.
  world.signed.restored()
  world.singletons.setBack(meta.epoch)
}
