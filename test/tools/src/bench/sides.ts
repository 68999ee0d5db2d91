import { join } from 'node:path'
import { createClient } from '@agentfleet/client'
import { startFleet, type Binaries, type Fleet, type FleetOptions } from '@agentfleet/local'
import { SERVICES } from '@agentfleet/protocol'
import { say } from '../command/flags.ts'
import type { NamedProcess } from '../fleet/processes.ts'
import type { BenchOptions, KeyKind } from './options.ts'
import { startPeer, type Peer } from './peer.ts'

/** The parameters of every part of the benchmark. */
export interface BenchContext {
  readonly options: BenchOptions
  readonly binaries: Binaries
  /** A folder for data that is removed at the end. */
  readonly dir: string
}

/** Both sides, started and idle. */
export interface Sides {
  readonly fleet: Fleet
  readonly peer: Peer
  /** The key of the callers of the fleet, if it demands one. */
  readonly apiKey: string | undefined
  stop(): Promise<void>
}

/** One of the two sides of the measurement. */
export interface Side {
  readonly name: 'agentfleet' | 'bullmq'
  readonly url: string
  /** Headers that its callers send with every request. */
  readonly headers: Readonly<Record<string, string>>
  processes(): readonly NamedProcess[]
  /** Runs while only this side may use the processor. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

/** With this key the benchmark makes the key of its callers. */
const ADMIN_KEY = 'bench-admin-key-of-32-characters'
/** The largest limit that a key may have. */
const REQUESTS_PER_MINUTE = 1_000_000
/** Longer than any benchmark, milliseconds. */
const DAY_MS = 86_400_000

/** Starts a fleet for this benchmark; a process that dies unasked is reported. */
export async function startBenchFleet(
  { options, binaries, dir }: BenchContext,
  name: string,
  extra: Partial<FleetOptions> = {},
): Promise<Fleet> {
  const profileArgs = ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}`]
  const profiled = Object.fromEntries(SERVICES.map((service) => [service, profileArgs]))
  return startFleet({
    dir: join(dir, name),
    binaries,
    simulators: 1,
    // The fleet stands still while the other side is measured.
    hungAfterMs: DAY_MS,
    onExit: (id, reason) => say(`  ${id} ended: ${reason}`),
    ...(options.profileDir === undefined ? {} : { nodeArgs: profiled }),
    ...extra,
  })
}

/** Starts the fleet and the peer, with the same simulator behind both. */
export async function startSides(context: BenchContext): Promise<Sides> {
  const { options, binaries, dir } = context
  const fleet = await startBenchFleet(context, 'fleet', {
    workers: options.workers,
    env: {
      worker: { WORKER_SLOTS: String(options.slots) },
      ...(options.keys !== undefined ? { gateway: { ADMIN_KEY } } : {}),
    },
  })
  try {
    const peer = await startPeer({
      dir: join(dir, 'peer'),
      binaries,
      workers: options.workers,
      slots: options.slots,
      stalledMs: options.stalledMs,
      openaiBaseUrl: `${fleet.simulators[0]}/v1`,
    })
    return {
      fleet,
      peer,
      apiKey: options.keys && (await makeKey(fleet.url, options.keys)),
      async stop() {
        await peer.stop()
        await fleet.stop()
      },
    }
  } catch (error) {
    await fleet.stop()
    throw error
  }
}

/**
 * The key of the callers has a rate limit, so that the benchmark includes the cost of counting; no round
 * reaches the limit.
 */
async function makeKey(url: string, kind: KeyKind): Promise<string> {
  const client = createClient({ baseUrl: url, apiKey: ADMIN_KEY })
  const { key } = await client.createKey({
    name: 'bench',
    tenant: 'bench',
    scopes: ['tasks:read', 'tasks:write'],
    ...(kind === 'plain' ? {} : { limits: { requestsPerMinute: REQUESTS_PER_MINUTE } }),
  })
  return key
}

/** Nodes are back within a second after a pause; a longer time shows a fault. */
const RESUME_WITHIN_MS = 30_000

/**
 * The two sides in the order in which rounds alternate. An idle fleet watches itself, which costs about a
 * tenth of a core; an idle peer costs next to nothing. So the fleet is stopped (SIGSTOP) while the peer is
 * measured, and the peer is never stopped.
 */
export function sidesOf({ fleet, peer, apiKey }: Sides): readonly [Side, Side] {
  const signalFleet = (signal: NodeJS.Signals): void => {
    for (const { pid } of fleetProcesses(fleet)) process.kill(pid, signal)
  }
  const nodes = fleet.members('worker').length
  return [
    {
      name: 'agentfleet',
      url: fleet.url,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      processes: () => fleetProcesses(fleet),
      alone: (work) => work(),
    },
    {
      name: 'bullmq',
      url: peer.url,
      headers: {},
      processes: () => peer.processes(),
      async alone(work) {
        signalFleet('SIGSTOP')
        try {
          return await work()
        } finally {
          signalFleet('SIGCONT')
          await fleet.nodesReady(nodes, RESUME_WITHIN_MS)
        }
      },
    },
  ]
}

/** All processes of a fleet except the simulators, which represent the provider. */
export function fleetProcesses(fleet: Fleet): NamedProcess[] {
  const services = fleet.members().filter(({ kind }) => kind !== 'simulator')
  return [
    ...services.map((member) => ({ name: member.id, pid: member.pid() })),
    { name: 'nats', pid: fleet.nats.pid },
    { name: 'redis', pid: fleet.redis.pid },
    { name: 'consul', pid: fleet.consul.pid },
  ]
}

/** The provider and the load generator: used by both sides, part of neither. */
export function sharedProcesses(fleet: Fleet): NamedProcess[] {
  const simulators = fleet.members('simulator').map((m) => ({ name: m.id, pid: m.pid() }))
  return [...simulators, { name: 'load generator', pid: process.pid }]
}
