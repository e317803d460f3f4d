// demo-program.ts - what `npm start` and `npm run clean` run once all is built, for another folder than that of the project
import { cleanDemo, startDemo } from '../../hub/cli/demo.ts'

const [command, root = '', ...args] = process.argv.slice(2)
await (command === 'clean' ? cleanDemo(root) : startDemo(root, args))
