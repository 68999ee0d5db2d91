import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Member } from './member.ts'
import type { RunningServer } from './servers/server.ts'

/**
 * `fleet.json` in the state folder: the addresses of all processes of a fleet, for people and for tools that
 * look at a running fleet.
 *
 * States: running (written at the start, and again within LOOK_EVERY_MS after a process has started,
 * restarted or ended) → stopped (written at the fleet's end). Invariant: a reader sees a whole file, as each
 * one is renamed into its place. A killed fleet leaves `running` behind: check its `pid`.
 */
export interface FleetAccess {
  readonly state: 'running' | 'stopped'
  /** The process that starts and restarts the other processes. */
  readonly pid: number
  /** Base URL of the public API. */
  readonly url: string
  readonly natsUrl: string
  readonly redisUrl: string
  readonly consulUrl: string
  readonly simulators: readonly string[]
  /** A NATS user without limits, for tools that read the log directly. */
  readonly operator: { readonly user: string; readonly password: string }
  /** Every process that runs, or is about to be restarted. */
  readonly processes: readonly FleetProcess[]
}

/** One process of a fleet. */
export interface FleetProcess {
  readonly id: string
  /** A service, `simulator`, or a server such as `nats-server`. */
  readonly kind: string
  readonly pid: number
  /** Its address: `/livez`, `/readyz` and `/metrics` of a service, the clients' URL of a server. */
  readonly url: string
  readonly restarts: number
  /** Path of its log. */
  readonly log: string
}

/** The parts of a running fleet that its file describes. */
export interface RunningFleet {
  readonly dir: string
  /** Base URL of the public API. */
  readonly url: string
  readonly nats: RunningServer
  readonly redis: RunningServer
  /** With the credentials of a user who may do everything. */
  readonly redisUrl: string
  readonly consul: RunningServer
  /** Base URLs of the LLM simulators; empty when a real provider is used. */
  readonly simulators: readonly string[]
  /** A NATS user without limits, for tools that read the log directly. */
  readonly operator: { readonly user: string; readonly password: string }
  members(): readonly Member[]
}

/** Processes are compared with the file this often, milliseconds. */
const LOOK_EVERY_MS = 500

/** Writes the file and keeps it up to date; the returned function marks the fleet as stopped. */
export async function keepFleetFile(fleet: RunningFleet): Promise<() => Promise<void>> {
  const path = join(fleet.dir, 'fleet.json')
  let written = ''
  const write = async (access: FleetAccess): Promise<void> => {
    const text = `${JSON.stringify(access, undefined, 2)}\n`
    if (text === written) return
    // It holds a password.
    await writeFile(`${path}.new`, text, { mode: 0o600 })
    await rename(`${path}.new`, path)
    written = text
  }
  await write(accessOf(fleet))
  let writing = Promise.resolve()
  const timer = setInterval(() => {
    // A full disk must not end a fleet: the next comparison tries again.
    writing = writing.then(() => write(accessOf(fleet))).catch(() => undefined)
  }, LOOK_EVERY_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await writing
    await write({ ...accessOf(fleet), state: 'stopped', processes: [] })
  }
}

/** A running fleet by its file, without passwords, and the folder of its state. */
export function addressesOf(
  fleet: RunningFleet,
): Omit<FleetAccess, 'operator' | 'redisUrl'> & { readonly dir: string } {
  const { operator: _operator, redisUrl: _redisUrl, ...addresses } = accessOf(fleet)
  return { ...addresses, dir: fleet.dir }
}

function accessOf(fleet: RunningFleet): FleetAccess {
  const { nats, redis, consul } = fleet
  const servers = Object.entries({ nats, redis, consul }).map(
    ([folder, { name, pid, url, restarts }]) => ({
      id: name,
      kind: name,
      pid,
      url,
      restarts,
      log: join(fleet.dir, folder, `${name}.log`),
    }),
  )
  const members = fleet.members().map((member) => ({
    id: member.id,
    kind: member.kind,
    pid: member.pid(),
    url: member.adminUrl(),
    restarts: member.restarts(),
    log: join(fleet.dir, 'logs', `${member.id}.log`),
  }))
  return {
    state: 'running',
    pid: process.pid,
    url: fleet.url,
    natsUrl: nats.url,
    redisUrl: fleet.redisUrl,
    consulUrl: consul.url,
    simulators: fleet.simulators,
    operator: fleet.operator,
    processes: [...servers, ...members],
  }
}
