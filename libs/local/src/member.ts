import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { restartPauseMs } from './restart-pause.ts'
import { startChild, type Child, type Exit } from './servers/child.ts'
import { drawPorts, LOOPBACK } from './servers/ports.ts'
import { StartFailure } from './start/start-watch.ts'
import { hungReason, watchAnswers, type Supervision } from './servers/supervise.ts'

/**
 * One process of the fleet, kept running.
 *
 * States: starting → running ⇄ restarting → stopped. Invariants: a process that ends without being
 * asked is started again after a growing pause, unless its owner said `restart: false`; a process that hangs is
 * killed, so that it ends; a stopped member stays stopped.
 */
export interface Member {
  readonly id: string
  readonly kind: string
  pid(): number
  /** Address of the admin server: probes and metrics. */
  adminUrl(): string
  startedAtMs(): number
  restarts(): number
  stopped(): boolean
  /** Resolves when `/readyz` answers 200; throws with the end of the log when it never does. */
  ready(deadlineMs: number): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Asks the process to end and waits; it is not started again. */
  stop(): Promise<void>
  /** Resolves with the end of the present run. */
  exited(): Promise<Exit>
}

/** The settings of a member. */
interface MemberOptions {
  readonly id: string
  readonly kind: string
  /** The script that Node runs. */
  readonly script: string
  readonly nodeArgs?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly logDir: string
  readonly restart: boolean
  /** A process that has answered no probe for this long hangs, milliseconds; 0: it is left alone. */
  readonly hungAfterMs?: number | undefined
  /** `hung` says that the process was killed because it did not answer. */
  readonly onExit?: (exit: Exit, asked: boolean, pauseMs: number, hung?: string) => void
}

/** Many processes share few cores here: each collects its garbage on one thread. */
const NODE_ARGS = ['--enable-source-maps', '--single-threaded-gc']
const PROBE_EVERY_MS = 25
/** Many processes that start together on a busy machine take tens of seconds, milliseconds. */
const START_WITHIN_MS = 60_000

/** Starts a member; resolves when its first process runs (not yet ready). */
export async function startMember(options: MemberOptions): Promise<Member> {
  const logFile = join(options.logDir, `${options.id}.log`)
  let child: Child
  let port = 0
  let startedAtMs = 0
  let restarts = 0
  let stopped = false
  let pauseMs = 0
  let restarting: Promise<void> | undefined
  let hung: string | undefined
  let watching: Supervision | undefined
  /** The run that has answered a probe. */
  let answeredPid = 0

  const run = async (): Promise<void> => {
    ;[port = 0] = await drawPorts(1)
    startedAtMs = Date.now()
    child = await startChild(
      { name: 'node', path: process.execPath, env: { ...options.env, HTTP_PORT: String(port) } },
      [...NODE_ARGS, ...(options.nodeArgs ?? []), options.script],
      logFile,
    )
    void child.exited.then(ended)
  }

  /** Whether the process answers, or has good reason not to. */
  const looksAlive = async (): Promise<boolean> => {
    // Between two runs there is nothing to kill.
    if (stopped || restarting !== undefined) return true
    const { pid } = child
    const answered = await probe(`http://${LOOPBACK}:${port}/livez`)
    if (answered) answeredPid = pid
    const starting = answeredPid !== pid && Date.now() - startedAtMs < START_WITHIN_MS
    return answered || starting
  }

  const ended = (exit: Exit): void => {
    const asked = stopped
    stopped ||= !options.restart
    pauseMs = restartPauseMs(Date.now() - startedAtMs, pauseMs)
    options.onExit?.(exit, asked, pauseMs, hung)
    hung = undefined
    if (stopped) {
      watching?.close()
      return
    }
    restarts += 1
    restarting = delay(pauseMs)
      .then(() => (stopped ? undefined : run()))
      .finally(() => {
        restarting = undefined
      })
  }

  await run()
  watching =
    options.hungAfterMs === 0
      ? undefined
      : watchAnswers(
          {
            get pid() {
              return child.pid
            },
            answers: looksAlive,
          },
          options.hungAfterMs,
          (afterMs) => {
            hung = hungReason(afterMs)
            child.kill('SIGKILL')
          },
        )
  return {
    id: options.id,
    kind: options.kind,
    pid: () => child.pid,
    adminUrl: () => `http://${LOOPBACK}:${port}`,
    startedAtMs: () => startedAtMs,
    restarts: () => restarts,
    stopped: () => stopped,
    exited: () => child.exited,
    async ready(deadlineMs) {
      const deadline = performance.now() + deadlineMs
      while (!(await probe(`http://${LOOPBACK}:${port}/readyz`))) {
        if (stopped || performance.now() > deadline) {
          const tail = child.hasExited()
            ? (await child.exited).logTail
            : 'the process is still starting'
          throw new StartFailure(
            `${options.id} is not ready after ${Math.round(deadlineMs / 1_000)} s (${tail}); its log is ${logFile}`,
          )
        }
        await delay(PROBE_EVERY_MS)
      }
      answeredPid = child.pid
    },
    kill: (signal) => child.kill(signal),
    async stop() {
      stopped = true
      await restarting
      await child.stop('SIGTERM')
    },
  }
}

/** Whether a URL answers 2xx within a second. */
export async function probe(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}
