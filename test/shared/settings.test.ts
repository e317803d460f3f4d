// settings.test.ts - flags win over the environment, the environment over the file, and every refusal says why
import t from 'tap'
import { parseCommandLine } from '../../shared/command-line.ts'
import {
  duration,
  flag,
  integer,
  listen,
  oneOf,
  pairs,
  parseDuration,
  parseListen,
  text,
} from '../../shared/setting-kinds.ts'
import { printSettings, resolveSettings } from '../../shared/settings.ts'

const settings = {
  dataDir: text('/var/lib/x', 'where data is kept'),
  logLevel: oneOf(['debug', 'info'], 'info', 'how much is logged'),
  beatEvery: duration(10_000, 'time between beats'),
  insecure: flag(false, 'no checks'),
  workers: integer(2, 'how many', { min: 1, max: 8 }),
  labels: pairs({}, 'labels'),
  apiListen: listen('127.0.0.1:6443', 'where the API listens'),
  secret: text('', 'a secret', { secret: true }),
}
const none = { flags: {}, environment: {}, readFile: () => '' }

t.test('A value comes from the strongest source that names it, and says which', async (t) => {
  const file = { name: 'hub.yaml', content: { dataDir: '/file', logLevel: 'debug', workers: 3 } }
  const environment = { HOLDFAST_DATA_DIR: '/environment', HOLDFAST_WORKERS: '4' }
  const { values, origins } = resolveSettings(settings, { ...none, file, environment, flags: { 'data-dir': '/flag' } })
  t.match(values, { dataDir: '/flag', workers: 4, logLevel: 'debug', beatEvery: 10_000 })
  t.match(origins, {
    dataDir: { from: 'flag', name: '--data-dir' },
    workers: { from: 'environment', name: 'HOLDFAST_WORKERS' },
    logLevel: { from: 'file', name: 'hub.yaml' },
    beatEvery: { from: 'default' },
  })
})

t.test('A value can lie in a file that the environment names', async (t) => {
  const readFile = (path: string) => (path === '/run/secret' ? 'hush\n' : '')
  const { values } = resolveSettings(settings, {
    ...none,
    environment: { HOLDFAST_SECRET_FILE: '/run/secret' },
    readFile,
  })
  t.equal(values.secret, 'hush')
})

t.test('A wrong value, an unknown setting and an unreadable file are refused with what to do', async (t) => {
  const from = (flags: Record<string, string>) => () => resolveSettings(settings, { ...none, flags })
  t.throws(from({ workers: '9' }), /--workers \(flag\): "9" is not right: expected a whole number from 1 to 8/)
  t.throws(from({ 'log-level': 'loud' }), /expected one of debug, info/)
  t.throws(from({ 'beat-every': 'soon' }), /expected a duration such as 10s/)
  t.throws(
    () => resolveSettings(settings, { ...none, file: { name: 'hub.yaml', content: { datadir: 1 } } }),
    /hub.yaml: there is no setting "datadir"; the settings are apiListen, /,
  )
  const readFile = () => {
    throw new Error('no such file')
  }
  t.throws(
    () => resolveSettings(settings, { ...none, environment: { HOLDFAST_SECRET_FILE: '/gone' }, readFile }),
    /HOLDFAST_SECRET_FILE names \/gone, which cannot be read: no such file/,
  )
})

t.test('Durations and addresses are read as people write them', async (t) => {
  t.equal(parseDuration('1m30s'), 90_000)
  t.equal(parseDuration('250ms'), 250)
  t.equal(parseDuration('10'), 10_000)
  t.throws(() => parseDuration('10 parsecs'))
  t.same(parseListen('8443'), { host: '0.0.0.0', port: 8443 })
  t.same(parseListen('[::1]:80'), { host: '::1', port: 80 })
  t.same(parseListen('localhost:0'), { host: 'localhost', port: 0 })
  t.throws(() => parseListen('host:99999'))
  t.throws(() => parseListen('host'))
})

t.test('The printed configuration shows values and origins but no secrets', async (t) => {
  const resolved = resolveSettings(settings, { ...none, flags: { secret: 'hush', labels: 'a=b' } })
  const printed = printSettings(settings, resolved)
  t.match(printed, /labels: +a=b +# --labels/)
  t.match(printed, /secret: +\(set\) +# --secret/)
  t.notMatch(printed, /hush/)
  t.match(printed, /beatEvery: +10s +# default/)
  t.match(printed, /apiListen: +127.0.0.1:6443 +# default/)
})

t.test('The command line knows switches, values and what is not there', async (t) => {
  const line = parseCommandLine(settings, ['--insecure', '--workers=3', '--data-dir', '/x', 'join', 'token'])
  t.same(line.flags, { insecure: 'true', workers: '3', 'data-dir': '/x' })
  t.same(line.positionals, ['join', 'token'])
  t.throws(() => parseCommandLine(settings, ['--wrokers=3']), /Unknown option '--wrokers'/)
})
