// free-port.test.ts - a port that a test is given stays free until the test uses it
import { createServer } from 'node:net'
import t from 'tap'
import { createPortSource } from '../support/free-port.ts'

t.test('No port is given twice, none that is in use, and each process begins elsewhere', async (t) => {
  const ports = createPortSource(process.pid)
  const [first, second] = [await ports(), await ports()]
  t.not(first, second)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(first, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  t.not(await createPortSource(process.pid)(), first, 'somebody listens there by now')
  const next = await createPortSource(process.pid + 1)()
  t.ok(Math.abs(next - first) > 100, `${first} and ${next}`)
})
