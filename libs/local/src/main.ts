import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClient } from '@agentfleet/client'
import { given } from '@agentfleet/domain'
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
import { readOptions, USAGE, UsageError } from './start/options.ts'
import { StartFailure } from './start/start-watch.ts'

/** `npm start`: the whole fleet on this machine, a handful of real tasks, and a line of live status. */

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
  const options = readOptions(process.argv.slice(2), process.env)
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
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
  const data = await takeDataDir(options.data ?? join(ROOT, '.agentfleet'))
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
    const client = createClient({ baseUrl: fleet.url, ...given({ apiKey: fleet.apiKey }) })
    const { tasks } = options
    const completed = tasks === 0 || (await runDemo(client, tasks, { say, show }, stopping.signal))
    if (options.once) return completed ? 0 : 1
    const logDir = join(data.dir, 'logs')
    const missing = await mcpNotice(process.env, client, logDir, stopping.signal)
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
    if (usage) process.stderr.write('"npm start -- --help" lists the options.\n')
    process.exit(usage ? WRONG_OPTION : 1)
  },
)
