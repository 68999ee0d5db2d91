import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT } from './exit.ts'
import { runCli } from './run.ts'

/** The process of the command `agentfleet`: its environment, terminal and signals. */

/** Columns of a terminal that does not know its size and says 0. */
const COLUMNS_DEFAULT = 80
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C ends a command that does not stop.
    if (stopping.signal.aborted) process.exit(EXIT.interrupted)
    stopping.abort()
  })
}
// The reader of a pipe, such as `head`, has read enough.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    if (output === process.stdout) {
      process.stderr.write(`The output cannot be written (${error.message}).\n`)
    }
    process.exit(EXIT.failed)
  })
}

const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string
}
process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  version,
  stateDir: join(ROOT, '.agentfleet'),
  terminal: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns || COLUMNS_DEFAULT : undefined
    },
    get rows() {
      return process.stdout.isTTY ? process.stdout.rows || undefined : undefined
    },
    onResize(listener) {
      process.stdout.on('resize', listener)
      return () => void process.stdout.off('resize', listener)
    },
    get noteColumns() {
      return process.stderr.isTTY ? process.stderr.columns || COLUMNS_DEFAULT : undefined
    },
    signal: stopping.signal,
  },
})
