// data-folder.test.ts - checks that a folder that cannot be made is named at once with the reason, and never tried for ever
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prepareDataFolder } from '../../shared/data-folder.ts'

t.test('A data folder is made with all above it that is missing, for its owner alone', async (t) => {
  const folder = join(t.testdir(), 'a', 'b', 'c')
  prepareDataFolder(folder, fs)
  t.equal(fs.statSync(folder).mode & 0o777, 0o700)
  fs.chmodSync(folder, 0o755)
  prepareDataFolder(`${folder}/`, fs)
  t.equal(fs.statSync(folder).mode & 0o777, 0o755, 'one that is there is left as it is')
})

t.test('Where no folder can be made, one line says why and what to do', async (t) => {
  const dir = t.testdir({ file: '' })
  const line = (folder: string) => {
    try {
      prepareDataFolder(folder, fs)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
    return 'it was made'
  }
  t.equal(
    line('/proc/x/y'),
    'cannot use /proc/x/y: no folder can be made in /proc: it takes none; choose a folder with --data-dir',
  )
  t.match(line('/sys/x'), /no folder can be made in \/sys: (this user may not write there|it is mounted read-only)/)
  t.match(line(join(dir, 'file')), /file is no folder; choose/)
  t.match(line(join(dir, 'file', 'below')), /file is no folder; choose/)
})

t.test('A folder that somebody else makes at the same moment is as good', async (t) => {
  const folder = join(t.testdir(), 'data')
  const both: typeof fs.mkdirSync = (path: fs.PathLike, options?: fs.MakeDirectoryOptions | fs.Mode | null) => {
    fs.mkdirSync(path)
    return fs.mkdirSync(path, options)
  }
  prepareDataFolder(folder, { statSync: fs.statSync, mkdirSync: both })
  t.ok(fs.existsSync(folder))
})
