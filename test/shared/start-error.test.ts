// start-error.test.ts - why a program cannot start: one line that says what is wrong and what to do
import t from 'tap'
import { startError } from '../../shared/start-error.ts'

const said = (error: unknown) => startError('holdfast-hub', error, '--api-listen')
const failure = (message: string, details: object) => Object.assign(new Error(message), details)

t.test('What a person can mend is told with the mend', async (t) => {
  t.equal(
    said(failure('listen', { code: 'EADDRINUSE', port: 6443 })),
    'holdfast-hub: port 6443 is in use by another program: stop that one, or choose another with --api-listen\n',
  )
  t.equal(
    said(failure('listen', { code: 'EACCES', port: 443 })),
    'holdfast-hub: no permission to listen on port 443: choose one above 1023 with --api-listen\n',
  )
  t.equal(
    said(failure('ENOSPC: no space left on device, write', { code: 'ENOSPC' })),
    'holdfast-hub: the disk is full (ENOSPC: no space left on device, write): make room on the one that holds its data, then start again\n',
  )
})

t.test('Anything else is told in its own words', async (t) => {
  t.equal(said(new Error('it is broken')), 'holdfast-hub: it is broken\n')
  t.equal(said('it is broken'), 'holdfast-hub: it is broken\n')
})
