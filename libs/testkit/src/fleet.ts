import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  connectBus,
  openPointers,
  openTaskLog,
  type Bus,
  type Logger,
  type Pointers,
  type TaskLog,
} from '@agentfleet/adapters'
import { createClient, type Client } from '@agentfleet/client'
import {
  defaultCacheDir,
  findBinaries,
  startFleet,
  type Fleet,
  type FleetOptions,
} from '@agentfleet/local'

/** The stored state of a fleet, read directly and not through its services. */
export interface StoredTasks extends AsyncDisposable {
  /** As a NATS user without limits. */
  readonly bus: Bus
  readonly log: TaskLog
  readonly pointers: Pointers
}

/** A whole fleet of one file of tests: real processes, and their stored state. */
export interface TestFleet extends StoredTasks {
  readonly fleet: Fleet
  readonly client: Client
}

/**
 * The replicas of a fleet in which no service adds, removes or replaces nodes: to start one of these services takes as
 * much processor time as hundreds of tasks.
 */
export const FIXED_NODES = { autoscaler: 0, recovery: 0 } as const

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Starts a fleet with data in its own directory. If AGENTFLEET_KEEP_LOGS names a directory, the logs of its
 * processes are copied there at the end.
 */
export async function startTestFleet(
  options: Partial<Omit<FleetOptions, 'binaries' | 'dir'>> = {},
): Promise<TestFleet> {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const keep = process.env['AGENTFLEET_KEEP_LOGS']
  const clean = async (): Promise<void> => {
    if (keep !== undefined)
      await cp(join(dir, 'logs'), join(keep, dir.slice(-6)), { recursive: true })
    await rm(dir, { recursive: true, force: true })
  }
  let fleet: Fleet
  try {
    // A test relies on a fixed number of nodes: the fleet scales only in tests of scaling.
    const env = { ...options.env, autoscaler: { DRIVER: 'recommend', ...options.env?.autoscaler } }
    fleet = await startFleet({ simulators: 1, ...options, env, dir, binaries })
  } catch (error) {
    await clean()
    throw error
  }
  const stored = await openStoredTasks({ natsUrl: fleet.nats.url, operator: fleet.operator })
  return {
    ...stored,
    fleet,
    client: createClient({ baseUrl: fleet.url }),
    async [Symbol.asyncDispose]() {
      await stored[Symbol.asyncDispose]()
      await fleet.stop()
      await clean()
    },
  }
}

/** Connects to the stored state of a running fleet, as its operator. */
export async function openStoredTasks(access: {
  readonly natsUrl: string
  readonly operator: Fleet['operator']
}): Promise<StoredTasks> {
  const bus = await connectBus({
    url: access.natsUrl,
    ...access.operator,
    name: 'testkit',
    inboxPrefix: '_INBOX_testkit',
    log: SILENT,
  })
  return {
    bus,
    log: openTaskLog(bus),
    pointers: openPointers(bus),
    [Symbol.asyncDispose]: () => bus.close(),
  }
}
