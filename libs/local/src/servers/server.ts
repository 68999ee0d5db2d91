/**
 * A server with fixed ports and data that can be ended and started again: the shared part of NATS, Redis and
 * Consul.
 *
 * States: starting → running ⇄ exited. Invariants:
 * - S1: a start resolves only when the started process answers, not a foreign one on the same port.
 * - S2: ports are drawn again only before the first successful start; from then on they stay.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Program } from '../binaries.ts'
import { StartFailure } from '../start/start-watch.ts'
import { startChild, type Child, type Exit } from './child.ts'
import { LOOPBACK } from './ports.ts'

/** The certificate of a server, and the authority of its clients if they need certificates; PEM files. */
export type ServerTls = {
  readonly certFile: string
  readonly keyFile: string
  readonly clientCaFile?: string
}

/** A running server, with the functions to end it and to restart it on the same ports and data. */
export type RunningServer = AsyncDisposable & {
  readonly name: string
  readonly port: number
  readonly url: string
  /** The pid of the present run, or of the last one. */
  readonly pid: number
  /** Ends the server, by force when it ignores the signal; stopping twice is legal. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Sends a signal and returns at once. */
  kill(signal: NodeJS.Signals): void
  /** Whether the present run answers and is ready, within two seconds. */
  answers(): Promise<boolean>
  /** Ends the present run, if any, and resolves when the next one answers. */
  restart(): Promise<void>
  /** Calls with the end of every run that was not stopped on purpose. */
  onCrash(listener: (exit: Exit) => void): void
  /** Runs that followed the first one. */
  readonly restarts: number
}

/** The part that differs between kinds of servers. */
type ServerKind<Ports> = {
  readonly program: Program
  readonly dir: string
  readonly scheme: string
  /** Whether a caller has chosen the ports, so that no others can be drawn. */
  readonly portsAreGiven?: boolean
  readonly signal?: AbortSignal | undefined
  choosePorts(): Promise<Ports>
  clientPort(ports: Ports): number
  /** Writes the server's configuration and returns its arguments. */
  prepare(ports: Ports): Promise<readonly string[]>
  /** Whether the process with this pid answers and is ready; a rejection counts as "not yet". */
  answers(ports: Ports, pid: number, signal: AbortSignal): Promise<boolean>
}

// Reading back a log of gigabytes takes tens of seconds.
const READY_DEADLINE_MS = 60_000
const PROBE_DEADLINE_MS = 2_000
const PROBE_INTERVAL_MS = 20
// Each draw of ports seldom collides; five collisions in a row mean another fault.
const STARTS_MAX = 5
const BIND_CONFLICT = /address already in use/i
// On a restart the last run may hold the old port for a moment.
const REBIND_PAUSE_MS = 200

/** Starts a server of the given kind and resolves when it answers. */
export async function startServer<Ports>(kind: ServerKind<Ports>): Promise<RunningServer> {
  await mkdir(kind.dir, { recursive: true, mode: 0o700 })
  const first = await startFirst(kind)
  const { ports } = first
  const listeners = new Set<(exit: Exit) => void>()
  let { child } = first
  let restarts = 0
  /** `stop` was called, and no restart since. */
  let stopped = false
  let restarting: Promise<void> | undefined

  const watch = (run: Child): void => {
    void run.exited.then((exit) => {
      if (run !== child || stopped || restarting !== undefined) return
      for (const listener of listeners) listener(exit)
    })
  }
  watch(child)

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    // A restart under way starts one more run, which has to be ended.
    await restarting?.catch(() => undefined)
    stopped = true
    await child.stop(signal)
  }
  const restart = async (): Promise<void> => {
    restarting ??= (async () => {
      await child.stop('SIGTERM')
      child = await startAgain(kind, ports)
      restarts += 1
      stopped = false
      watch(child)
    })().finally(() => {
      restarting = undefined
    })
    return restarting
  }
  const port = kind.clientPort(ports)
  return {
    name: kind.program.name,
    port,
    url: `${kind.scheme}://${LOOPBACK}:${port}`,
    get pid() {
      return child.pid
    },
    stop,
    kill: (signal) => child.kill(signal),
    answers: () =>
      kind.answers(ports, child.pid, AbortSignal.timeout(PROBE_DEADLINE_MS)).catch(() => false),
    restart,
    onCrash: (listener) => void listeners.add(listener),
    get restarts() {
      return restarts
    },
    [Symbol.asyncDispose]: () => stop(),
  }
}

/** Waits for the old ports if they are still bound. */
async function startAgain<Ports>(kind: ServerKind<Ports>, ports: Ports): Promise<Child> {
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(kind, ports)
    } catch (error) {
      if (start === STARTS_MAX || !isBindConflict(error)) throw error
      await delay(REBIND_PAUSE_MS, undefined, { signal: kind.signal })
    }
  }
}

/** Upholds S2: draws other ports when another process took one between the draw and the bind. */
async function startFirst<Ports>(kind: ServerKind<Ports>): Promise<{ ports: Ports; child: Child }> {
  for (let start = 1; ; start += 1) {
    const ports = await kind.choosePorts()
    try {
      return { ports, child: await startOnce(kind, ports) }
    } catch (error) {
      if (kind.portsAreGiven || start === STARTS_MAX || !isBindConflict(error)) throw error
    }
  }
}

async function startOnce<Ports>(kind: ServerKind<Ports>, ports: Ports): Promise<Child> {
  kind.signal?.throwIfAborted()
  const args = await kind.prepare(ports)
  const logFile = join(kind.dir, `${kind.program.name}.log`)
  const child = await startChild(kind.program, args, logFile)
  try {
    await untilReady(kind, ports, child)
    return child
  } catch (error) {
    await child.stop('SIGTERM')
    throw error
  }
}

async function untilReady<P>(kind: ServerKind<P>, ports: P, child: Child): Promise<void> {
  const deadlineAtMs = Date.now() + READY_DEADLINE_MS
  while (Date.now() < deadlineAtMs) {
    kind.signal?.throwIfAborted()
    if (child.hasExited()) throw new EarlyExit(kind.program.name, await child.exited)
    const deadline = AbortSignal.timeout(PROBE_DEADLINE_MS)
    const signal = kind.signal ? AbortSignal.any([kind.signal, deadline]) : deadline
    // Upholds S1: an answer counts only while our process lives.
    const ready = await kind.answers(ports, child.pid, signal).catch(() => false)
    if (ready && !child.hasExited()) return
    await Promise.race([delay(PROBE_INTERVAL_MS), child.exited])
  }
  await child.stop('SIGKILL')
  const { logTail } = await child.exited
  throw new StartFailure(
    `${kind.program.name} did not answer within ${READY_DEADLINE_MS / 1000} s:\n${logTail}`,
  )
}

class EarlyExit extends StartFailure {
  readonly bindConflict: boolean
  constructor(program: string, { code, signal, logTail }: Exit) {
    super(`${program} ended (${signal ?? `exit code ${code}`}) before it answered:\n${logTail}`)
    this.bindConflict = BIND_CONFLICT.test(logTail)
  }
}

function isBindConflict(error: unknown): boolean {
  return error instanceof EarlyExit && error.bindConflict
}
