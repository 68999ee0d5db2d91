import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runCli, type Terminal } from '../src/run.ts'

/** Longer than any command of these tests takes, milliseconds. */
const TEST_MS = 30_000

/** What a command line printed, and how it ended. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process; its environment names the gateway at `url`. */
export async function run(
  url: string,
  argv: readonly string[],
  terminal: Partial<Terminal> = {},
  env: Readonly<Record<string, string>> = {},
  stateDir = '/no/such/folder',
): Promise<Ran> {
  let out = ''
  let err = ''
  const own: Terminal = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    columns: undefined,
    noteColumns: undefined,
    signal: AbortSignal.timeout(TEST_MS),
  }
  const code = await runCli(argv, {
    env: { AGENTFLEET_URL: url, ...env },
    version: '0.1.0',
    stateDir,
    // A copy of the properties would lose those that change during the command.
    terminal: Object.defineProperties(own, Object.getOwnPropertyDescriptors(terminal)),
  })
  return { code, out, err }
}

/** A server that answers every request in this way. */
export async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One line for every way in which a command asks the gateway. */
export const ASKING = `
submit x
submit --wait x
submit --follow x
watch t
watch --text t
get t
get -e t
get -c 0 t
get -r t
get --watch t
ls
ls --all
ls --watch
ls --count state
cancel t
cancel --all -a a
cancel --all -a a --dry-run
replay t
replay --all
agents
agents get a
agents versions a
agents rm a
agents tools
agents models
goals
goals get g
goals run g
goals submit x
goals submit --wait x
schedules
schedules get s
schedules pause s
schedules run s
schedules ticks s
schedules rm s
schedules preview @daily
approve
approve t
fleet
fleet --watch
fleet node n
fleet drain n
decisions
decisions --watch
decisions d
incidents
incidents i
audit --about writer
usage
usage --by agent
usage --by hour
stats
stats --group agent
queues
limits
keys
keys me
keys get k
keys rotate k
keys revoke k
keys create --tenant t --scope tasks:read x
`
  .trim()
  .split('\n')
