import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from '@agentfleet/local'
import { SERVICES } from '@agentfleet/protocol'

/** Faults of the processes of a fleet, drawn from a seed. */

/** The services and servers of a fleet. The simulators are none of them: they stand for the provider. */
export const PARTS: readonly string[] = [...SERVICES, 'nats-server', 'redis-server', 'consul']

/** What happens to a process: it is killed, or stopped for a time and then continued. */
export type FaultKind = 'kill' | 'freeze'

/** One fault. */
export interface Fault {
  readonly kind: FaultKind
  /** The process, such as `worker-3` or `nats-server`. */
  readonly process: string
  /** The service or server that the process belongs to. */
  readonly part: string
  readonly atMs: number
  /** The end of a freeze; of a kill its time, because the fleet starts the process again by itself. */
  readonly untilMs: number
}

/** A process to which the chaos test can do harm. */
interface Target {
  readonly process: string
  readonly part: string
  signal(signal: NodeJS.Signals): void
}

/** Shortest and longest freeze, milliseconds. */
const FREEZE_MIN_MS = 500
const FREEZE_MAX_MS = 10_000

function targetsOf(fleet: Fleet): Target[] {
  const members = fleet
    .members()
    .filter(({ kind }) => PARTS.includes(kind))
    .map((member) => ({
      process: member.id,
      part: member.kind,
      signal: (signal: NodeJS.Signals) => member.kill(signal),
    }))
  const servers = [fleet.nats, fleet.redis, fleet.consul].map((server) => ({
    process: server.name,
    part: server.name,
    signal: (signal: NodeJS.Signals) => server.kill(signal),
  }))
  return [...servers, ...members].sort((a, b) => (a.process < b.process ? -1 : 1))
}

/** Kills or freezes a random process again and again until the signal aborts; then all of them run. */
export async function injectFaults(
  fleet: Fleet,
  options: {
    readonly random: () => number
    readonly everyMs: number
    /** Services and servers that are hit; all if none are named. */
    readonly only: readonly string[]
    readonly onFault: (fault: Fault) => void
  },
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  const { random, everyMs, only, onFault } = options
  const faults: Fault[] = []
  // Each frozen process listens for the end.
  setMaxListeners(0, signal)
  const frozen = new Map<string, Promise<void>>()
  const freeze = async (target: Target, forMs: number): Promise<void> => {
    target.signal('SIGSTOP')
    await delay(forMs, undefined, { signal }).catch(() => undefined)
    target.signal('SIGCONT')
    frozen.delete(target.process)
  }
  let dueMs = performance.now()
  for (;;) {
    dueMs += everyMs
    await delay(Math.max(0, dueMs - performance.now()), undefined, { signal }).catch(
      () => undefined,
    )
    if (signal.aborted) break
    const targets = targetsOf(fleet).filter(
      ({ process, part }) => !frozen.has(process) && (only.length === 0 || only.includes(part)),
    )
    // Three numbers for each fault, so that one process more or less does not move the later draws.
    const [which, kill, length] = [random(), random() < 0.5, random()]
    const target = targets[Math.floor(which * targets.length)]
    if (target === undefined) continue
    const { process, part } = target
    const atMs = Date.now()
    const forMs = kill ? 0 : FREEZE_MIN_MS + length * (FREEZE_MAX_MS - FREEZE_MIN_MS)
    const kind = kill ? 'kill' : 'freeze'
    const fault: Fault = { kind, process, part, atMs, untilMs: atMs + forMs }
    if (kill) target.signal('SIGKILL')
    else frozen.set(process, freeze(target, forMs))
    faults.push(fault)
    onFault(fault)
  }
  await Promise.all(frozen.values())
  return faults
}
