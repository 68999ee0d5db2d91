/**
 * One run of a server program as a child process that cannot outlive this one.
 *
 * States: running → exited. Invariants:
 * - C1: when this process ends in any way, SIGKILL included, a guard ends the child. The guard is a small
 *   shell that reads one of our pipes, and acts when that pipe closes without a message.
 * - C2: the child is in a separate session, so Ctrl-C in a terminal reaches it only through this process, in
 *   our order.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { settleWithin } from '@agentfleet/runtime'

/** The program to run, with the environment that it needs in addition. */
type Executable = {
  readonly name: string
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

/** The way in which a process of a server ended. */
export type Exit = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly logTail: string
}

/** A running child: its pid, its end, and ways to stop it. */
export type Child = {
  readonly pid: number
  readonly exited: Promise<Exit>
  hasExited(): boolean
  kill(signal: NodeJS.Signals): void
  stop(signal: NodeJS.Signals): Promise<void>
}

// One older log is kept; more would only fill the disk.
const LOG_BYTES_MAX = 16 * 1024 * 1024
const TAIL_BYTES = 2048
// NATS flushes its store on SIGTERM; on a slow disk that takes seconds.
const STOP_DEADLINE_MS = 10_000
// After SIGKILL only the kernel still has work to do.
const KILL_DEADLINE_MS = 5_000
// Waits for a message. If the pipe closes without one, this process is gone: the guard asks the child to
// stop, and kills it after five seconds.
const GUARD_SCRIPT =
  'read -r word && exit 0; kill -CONT "$1"; kill -TERM "$1"; n=0; ' +
  'while [ $n -lt 50 ] && kill -0 "$1"; do sleep 0.1; n=$((n+1)); done; kill -KILL "$1"'

/** Starts a program with its output in a log file; fails at once if it cannot be run. */
export async function startChild(
  program: Executable,
  args: readonly string[],
  logFile: string,
): Promise<Child> {
  const { fd, startsAt } = openLog(logFile)
  let child: ChildProcess
  try {
    child = spawn(program.path, args, {
      detached: true,
      stdio: ['ignore', fd, fd],
      env: { ...process.env, ...program.env },
    })
  } finally {
    closeSync(fd)
  }
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) =>
      reject(new Error(`cannot run ${program.path}: ${cause.message}`, { cause })),
    )
  })
  const pid = child.pid
  if (pid === undefined) throw new Error(`${program.name} started without a pid`)
  const guard = startGuard(pid)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      guard.release()
      resolve({ code, signal, logTail: readTail(logFile, startsAt) })
    })
  })
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null
  const kill = (signal: NodeJS.Signals): void => {
    if (!hasExited()) child.kill(signal)
  }
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    kill(signal)
    // A child stopped by SIGSTOP sees no other signal than SIGKILL.
    kill('SIGCONT')
    if (await settleWithin(exited, STOP_DEADLINE_MS)) return
    kill('SIGKILL')
    if (await settleWithin(exited, KILL_DEADLINE_MS)) return
    throw new Error(`${program.name} (pid ${pid}) did not end after SIGKILL`)
  }
  return { pid, exited, hasExited, kill, stop }
}

/** Upholds C1. The guard gets a message when the child has ended, so it never signals a reused pid. */
function startGuard(pid: number): { release(): void } {
  const guard = spawn('/bin/sh', ['-c', GUARD_SCRIPT, 'guard', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // If the guard ended early, or never started, that changes nothing for a child that we stop ourselves.
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  guard.unref()
  return { release: () => void guard.stdin.end('done\n') }
}

function openLog(logFile: string): { fd: number; startsAt: number } {
  const size = (): number => statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  if (size() > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`)
  return { startsAt: size(), fd: openSync(logFile, 'a', 0o600) }
}

function readTail(logFile: string, startsAt: number): string {
  try {
    const fd = openSync(logFile, 'r')
    try {
      const size = statSync(logFile).size
      const from = Math.max(startsAt, size - TAIL_BYTES)
      const buffer = Buffer.alloc(Math.max(0, size - from))
      const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from))
      // A tail that begins within a line begins with its next line.
      return (from === startsAt ? text : text.slice(text.indexOf('\n') + 1)).trim()
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    return `(no log: ${error instanceof Error ? error.message : String(error)})`
  }
}
