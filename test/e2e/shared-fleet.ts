import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { SimulatorOptions } from '@agentfleet/llm-simulator'
import type { TestProject } from 'vitest/node'

/**
 * The fleet that all end-to-end files share, each as a separate tenant. It starts when the first of them asks
 * for it and stops at the end of the run. No file may kill, freeze or wipe any part of it.
 */

/** The values that a file needs to work with the shared fleet. */
export interface SharedFleet {
  readonly url: string
  readonly natsUrl: string
  readonly redisUrl: string
  readonly operator: { readonly user: string; readonly password: string }
  /** Base URL of the simulator behind the models `sim*`. */
  readonly simulator: string
  readonly gateway: { readonly pid: number; readonly adminUrl: string }
  /** Keys of the API by tenant. */
  readonly keys: Readonly<Record<string, string>>
  /** The key that may make other keys. */
  readonly adminKey: string
  /** The file that the tools of the tests write to. */
  readonly toolLog: string
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with a `SharedFleet` once the fleet runs. */
    sharedFleetUrl: string
  }
}

/** One tenant for each file. */
const TENANTS = [
  'agent-runtime',
  'agents',
  'bad-input',
  'cli',
  'cli-fleet',
  'docs',
  'goals',
  'main-job',
  'page',
  'providers',
  'waiting-tasks',
]
/** A tenth of the production durations: repairs and retries come within fractions of a second. */
const TIME_SCALE = 0.1

const WORKER = new URL('../../services/worker/', import.meta.url)
const MCP_SERVER = createRequire(new URL('package.json', WORKER)).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
)
const MCP_SERVERS = {
  everything: { command: process.execPath, args: [MCP_SERVER, 'stdio'], tools: ['get-sum'] },
}
const ADMIN_KEY = 'the-admin-key-of-the-shared-fleet-0123456789'
/** Budget of the tenant of the provider tests: one expensive call, not two. */
const TENANT_BUDGETS = { providers: { usdPerDay: 0.6 } }

/** Starts the fleet at the first request for its addresses; returns the function that stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = []
  let fleet: Promise<SharedFleet> | undefined
  const server = createServer((_request, response) => {
    fleet ??= start(stops)
    fleet.then(
      (running) => response.end(JSON.stringify(running)),
      (error: unknown) => response.writeHead(503).end(inspect(error)),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  project.provide('sharedFleetUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    // A run that was interrupted ends after the start of its fleet.
    await fleet?.catch(() => undefined)
    for (const stop of stops.splice(0).reverse()) await stop()
  }
}

/** Starts the simulators and the fleet; adds how to stop them to `stops`. */
async function start(stops: (() => Promise<void>)[]): Promise<SharedFleet> {
  // Loaded at the first request: most runs of single files need no fleet, and so no build of these packages.
  const { createSimulator } = await import('@agentfleet/llm-simulator')
  const { startTestFleet } = await import('@agentfleet/testkit')
  const simulate = async (options: SimulatorOptions = {}): Promise<string> => {
    const simulator = createSimulator({ anyModel: 1, ...options })
    stops.push(() => simulator.close())
    return (await simulator.listen()).url
  }
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-tools-'))
  stops.push(() => rm(dir, { recursive: true, force: true }))
  const toolLog = join(dir, 'log')
  await writeFile(toolLog, '')
  const keys = Object.fromEntries(TENANTS.map((name) => [name, `${name}-key-0123456789`]))
  const apiKeys = Object.entries(keys).map(([name, key]) => `${name}:${key}`)
  const simulator = await simulate()
  const test = await startTestFleet({
    workers: 2,
    simulators: 0,
    timeScale: TIME_SCALE,
    env: {
      gateway: {
        ADMIN_KEY,
        API_KEYS: apiKeys.join(','),
        API_HOST: '127.0.0.1',
        DEFAULT_MODEL: 'sim',
      },
      worker: {
        PROVIDERS: JSON.stringify(await providersOf(simulator, simulate)),
        TENANT_BUDGETS: JSON.stringify(TENANT_BUDGETS),
        TOOLS_DIR: await toolFolder(join(dir, 'tools')),
        MCP_SERVERS: JSON.stringify(MCP_SERVERS),
        TOOL_LOG: toolLog,
        HTTP_FETCH_HOSTS: '*:*',
      },
    },
  })
  stops.push(async () => test[Symbol.asyncDispose]())
  const [gateway] = test.fleet.members('gateway')
  return {
    url: test.fleet.url,
    natsUrl: test.fleet.nats.url,
    redisUrl: test.fleet.redisUrl,
    operator: test.fleet.operator,
    simulator,
    gateway: { pid: gateway!.pid(), adminUrl: gateway!.adminUrl() },
    keys,
    adminKey: ADMIN_KEY,
    toolLog,
  }
}

/** Makes a folder with the tools of the tests and the one that the guide shows. */
async function toolFolder(folder: string): Promise<string> {
  await cp(fileURLToPath(new URL('test/tool-folder', WORKER)), folder, { recursive: true })
  const { readPages } = await import('../contract/markdown.ts')
  const guide = readPages().find(({ path }) => path === 'docs/guides/write-a-tool.md')
  const shown = guide?.snippets.find(({ note }) => note === 'file=refund.js')
  if (shown === undefined) throw new Error('the guide shows no refund.js')
  await writeFile(join(folder, 'refund.js'), shown.text)
  return folder
}

/** The stock models `sim*`, and providers that are dead, failing, slow or expensive. */
async function providersOf(
  simulator: string,
  simulate: (options: SimulatorOptions) => Promise<string>,
): Promise<object> {
  const fast = { ttftMs: 0, tokensPerSecond: 0, retryAfterMs: 1_500 }
  const halfWay = { content: 'half way', toolCalls: [{ name: 'calculate', arguments: '{}' }] }
  const refused = { error: { status: 503, message: 'closed', retryAfterMs: 3_000 } }
  const ill = `${await simulate(fast)}/v1`
  const refund = { toolCalls: [{ name: 'refund', arguments: { order: 'A7', cents: 500 } }] }
  const scripts = {
    refund: [refund, { content: 'done' }],
    half: [halfWay, { content: 'done' }],
    closed: [refused],
  }
  const good = `${await simulate({ ...fast, scripts })}/v1`
  const providers = [
    { name: 'stock', baseUrl: `${simulator}/v1`, models: ['sim*'] },
    { name: 'dead', baseUrl: 'http://127.0.0.1:9/v1', models: ['to-dead'] },
    { name: 'busy', baseUrl: ill, models: [{ match: 'to-busy', as: 'sim?fault=429' }] },
    {
      name: 'slow',
      baseUrl: ill,
      key: 'another',
      models: [{ match: 'to-slow', as: 'sim?ttft=8000' }],
      firstTokenMs: 300,
    },
    {
      name: 'gone',
      baseUrl: ill,
      key: 'third',
      models: [{ match: 'only-gone', as: 'sim?fault=500' }],
    },
    {
      name: 'good',
      baseUrl: good,
      models: [
        { match: 'to-*', as: 'sim-fast?tokens=5' },
        { match: 'limited-once', as: 'sim-fast?fault=429&times=1&tokens=4' },
        { match: 'half', as: 'sim-script:half' },
        { match: 'closed', as: 'sim-script:closed' },
        { match: 'refund', as: 'sim-script:refund' },
        { match: 'dear', as: 'dear?tokens=10' },
      ],
    },
  ]
  const unpriced = { name: 'unpriced', baseUrl: good, models: ['unpriced'] }
  const prices = { '*': { input: 1, output: 2 }, 'dear*': { input: 0, output: 50_000 } }
  return {
    pricesVersion: 'of-the-test',
    providers: [unpriced, ...providers.map((each) => ({ ...each, prices }))],
  }
}
