// Starts a thread that fills its memory, and prints how it has ended.
import { startThread } from '../../dist/index.js'

const thread = startThread(new URL('greedy-thread.mjs', import.meta.url), 256)
process.stdout.write(`${await new Promise((ended) => thread.on('error', ended))}\n`)
