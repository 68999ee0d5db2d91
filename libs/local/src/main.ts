import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createClient } from '@agentfleet/client'
import { correctionOf } from '@agentfleet/domain'
import { bannerOf } from './start/banner.ts'
import { mcpNotice } from './start/mcp-notice.ts'
import { defaultCacheDir, findBinaries } from './binaries.ts'
import { takeDataDir } from './data-dir.ts'
import { addressesOf } from './fleet-file.ts'
import { runDemo } from './start/demo.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { isPortFree } from './servers/ports.ts'
import { scaleBoundsOf } from './start/scale-bounds.ts'
import { checkSettings } from './start/check-settings.ts'
import { StartFailure } from './start/start-watch.ts'

/** `npm start`: the whole fleet on this machine, a handful of real tasks, and a line of live status. */

const USAGE = `npm start -- [options]
  --once            stop after the tasks; the exit code is 0 only if all tasks completed
  --workers N       start N worker nodes (default 2)
  --port N          use the port N for the API (default: API_PORT, then 8080, or a free port if 8080 is taken)
  --data DIR        keep the state of the fleet in the folder DIR (default .agentfleet/)
  --durability C    process (default), or power: NATS flushes every stored event to the disk
  --tasks N         run N tasks at the start (default 6)
  --json            print one JSON object a line: the fleet, then each task; everything else goes to the standard error

The services read variables of the environment, such as OPENAI_API_KEY, PROVIDERS, API_KEYS, MCP_SERVERS,
TOOLS_DIR, TENANT_BUDGETS and WORKER_SLOTS. docs/reference/npm-start.md lists all of them.`

/** The status line is printed again this often, milliseconds. */
const STATUS_EVERY_MS = 1_000
const DEFAULT_PORT = 8080
/** The exit code of a shell's command that Ctrl-C ended. */
const INTERRUPTED = 130
/** The exit code for a wrong option, as of the command line. */
const WRONG_OPTION = 2
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Lines for people and objects for programs; with `--json` the standard output has only objects. */
function outputsOf(json: boolean) {
  const lines = json ? process.stderr : process.stdout
  return {
    say: (line: string): void => void lines.write(`${line}\n`),
    show(object: unknown): void {
      if (json) process.stdout.write(`${JSON.stringify(object)}\n`)
    },
  }
}

async function main(): Promise<number> {
  const options = readOptions()
  const { say, show } = outputsOf(options.json)
  const stopping = new AbortController()
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals === 1) say('\nstopping …')
      stopping.abort()
    })
  }
  // The process that started this one is gone: end with it.
  process.on('disconnect', () => stopping.abort())
  const startedMs = performance.now()
  const bounds = scaleBoundsOf(process.env, options.workers, availableParallelism())
  for (const notice of await checkSettings(process.env, ROOT, bounds)) say(notice)
  const binaries = await findBinaries({
    cacheDir: defaultCacheDir(process.env),
    log: say,
    signal: stopping.signal,
  })
  const data = await takeDataDir(options.data)
  let fleet: Fleet | undefined
  try {
    fleet = await startFleet({
      dir: data.dir,
      binaries,
      workers: options.workers,
      durability: options.durability,
      signal: stopping.signal,
      onStep: (step) => say(`waiting for ${step} …`),
      apiPort: await choosePort(options.port ?? wantedPort(process.env)),
      env: { autoscaler: { SCALE_MIN: String(bounds.min), SCALE_MAX: String(bounds.max) } },
      onExit: (id, reason, followed, pauseMs = 0) => {
        const soon = pauseMs > 0 ? ` in ${(pauseMs / 1_000).toFixed(1)} s` : ''
        say(`  ${id} ended (${reason})${followed ? `, starting it again${soon}` : ''}`)
      },
    })
    say(bannerOf(fleet, performance.now() - startedMs, bounds))
    show(addressesOf(fleet))
    const client = createClient({
      baseUrl: fleet.url,
      ...(fleet.apiKey === undefined ? {} : { apiKey: fleet.apiKey }),
    })
    const { tasks } = options
    const completed = tasks === 0 || (await runDemo(client, tasks, { say, show }, stopping.signal))
    if (options.once) return completed ? 0 : 1
    const offers = {
      tools: () => client.tools(),
      problems: () => client.mcpProblems(),
      logDir: join(data.dir, 'logs'),
    }
    const missing = await mcpNotice(process.env, { ...offers, signal: stopping.signal })
    for (const line of missing) say(line)
    say('\nThe fleet is up. Ctrl-C stops the fleet; the fleet keeps its state.')
    await showStatus(client, options.json, stopping.signal)
    return 0
  } catch (error) {
    if (stopping.signal.aborted) return options.once ? INTERRUPTED : 0
    throw error
  } finally {
    await fleet?.stop()
    await data.release()
  }
}

const OPTIONS = {
  once: { type: 'boolean', default: false },
  workers: { type: 'string', default: '2' },
  port: { type: 'string' },
  data: { type: 'string' },
  durability: { type: 'string', default: 'process' },
  tasks: { type: 'string', default: '6' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const
const OPTION_NAMES = Object.keys(OPTIONS).map((name) => `--${name}`)

function parsedOptions() {
  // npm keeps options that stand before `--` for itself.
  const taken = Object.keys(OPTIONS).find((name) => process.env[`npm_config_${name}`] !== undefined)
  if (taken !== undefined && process.env['npm_lifecycle_event'] === 'start') {
    throw new UsageError(
      `npm took --${taken} for itself; put -- before it: npm start -- --${taken}`,
    )
  }
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const [, unknown] = /Unknown option '-*([^']+)'/.exec(text) ?? []
    if (unknown === undefined) throw new UsageError(text)
    throw new UsageError(
      `--${unknown} is not an option; ${correctionOf(`--${unknown}`, OPTION_NAMES)}`,
    )
  }
}

function readOptions() {
  const values = parsedOptions()
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    process.exit(0)
  }
  const { durability, json } = values
  if (durability !== 'process' && durability !== 'power') {
    throw new UsageError(`--durability is process or power, not ${durability}`)
  }
  return {
    once: values.once,
    workers: whole('--workers', values.workers, 1, 20),
    tasks: whole('--tasks', values.tasks, 0, 1_000),
    port: values.port === undefined ? undefined : whole('--port', values.port, 1, 65_535),
    json,
    data: values.data ?? join(ROOT, '.agentfleet'),
    durability,
  } as const
}

/** A wrong option: its message explains it completely. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= min && number <= max) return number
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
}

/** The port that the environment names, after its variables were checked; 0 stands for any free port. */
function wantedPort({ API_PORT: port }: NodeJS.ProcessEnv): number | undefined {
  return port ? Number(port) : undefined
}

async function choosePort(wanted: number | undefined): Promise<number | undefined> {
  if (wanted === 0) return undefined
  if (wanted !== undefined) {
    if (await isPortFree(wanted)) return wanted
    throw new StartFailure(
      `port ${wanted} is taken by another program; choose another port, or omit --port and API_PORT to get a free port`,
    )
  }
  return (await isPortFree(DEFAULT_PORT)) ? DEFAULT_PORT : undefined
}

async function showStatus(
  client: ReturnType<typeof createClient>,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const line = await client.fleet({ signal }).then(
      ({ nodes, queued, running }) => {
        const alive = nodes.filter((node) => node.state === 'alive')
        const cpu = alive.reduce((sum, node) => sum + node.cpu, 0) / Math.max(1, alive.length)
        return `nodes ${alive.length}  running ${running}  queued ${queued}  cpu ${Math.round(cpu * 100)}%`
      },
      () => 'the gateway does not answer',
    )
    if (process.stdout.isTTY && !json) process.stdout.write(`\r\u001b[K${line}`)
    await delay(STATUS_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const usage = error instanceof UsageError
    const plain = usage || error instanceof StartFailure
    process.stderr.write(
      `${plain ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
    )
    if (usage) process.stderr.write(`${USAGE}\n`)
    process.exit(usage ? WRONG_OPTION : 1)
  },
)
