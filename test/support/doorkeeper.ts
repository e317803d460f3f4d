// doorkeeper.ts - a program for the inside of a network namespace: what comes through a unix socket goes on to a port there
import { connect, createServer } from 'node:net'

const [path, port] = process.argv.slice(2)

const server = createServer((near) => {
  const far = connect(Number(port), '127.0.0.1')
  for (const socket of [near, far]) socket.on('error', () => socket.destroy())
  near.on('close', () => far.destroy())
  far.on('close', () => near.destroy())
  near.pipe(far).pipe(near)
})
server.listen(path, () => process.stdout.write('ready: the door is open\n'))
