// recovery-commands.ts - `holdfast backup` and `holdfast recover` on the command line
import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import { downloadBackup } from './backup.ts'
import type { Client } from './client.ts'
import type { HubAccess } from './kubeconfig-file.ts'
import { decide, readRecovery, recoverScreen, type Decisions } from './recover.ts'

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

export function addRecoveryCommands(program: Command, connect: () => { access: HubAccess; client: Client }): void {
  program
    .command('backup <file>')
    .description("copy the hub's store into a file while it runs; its keys (folder pki) change rarely: copy them once")
    .action(async (file: string) => {
      const bytes = await downloadBackup(connect().access, file)
      console.log(`${file} has ${bytes} bytes; on the hub's machine, \`holdfast-hub restore ${file}\` puts it back`)
    })

  program
    .command('recover')
    .description('what the hub has lost and devices still run, and what to do with it')
    .option('--adopt <pod>', 'a pod (node/namespace/name) that is to go on as any other; may be repeated', collect, [])
    .option('--adopt-all', 'all of them', false)
    .option('--stop <pod>', 'a pod that is to be stopped; may be repeated', collect, [])
    .option('--stop-all', 'all of them', false)
    .option('--release <node>', 'stop all of this node, as the hub would have done; may be repeated', collect, [])
    .option(
      '--close',
      'there is nothing more to find: what lost its owner with the history goes too, and what may run only once is started where the store has it: be sure that it runs on no device that was not heard, and has one pod only',
      false,
    )
    .action(async (decisions: Decisions) => {
      const { client } = connect()
      const view = await readRecovery(client)
      const done = await decide(client, view, decisions)
      console.log(done.length > 0 ? done.join('\n') : recoverScreen(view, systemClock.wallMs()))
    })
}
