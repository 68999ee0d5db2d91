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

interface Run {
  readonly child: Child
  readonly adminUrl: string
  readonly startedAtMs: number
  /** Whether it has answered a probe. */
  answered: boolean
}

/** Starts a member; resolves when its first process runs (not yet ready). */
export async function startMember(options: MemberOptions): Promise<Member> {
  const logFile = join(options.logDir, `${options.id}.log`)
  let run: Run
  let restarts = 0
  let stopped = false
  let pauseMs = 0
  let restarting: Promise<void> | undefined
  let hung: string | undefined
  let watching: Supervision | undefined

  const start = async (): Promise<void> => {
    run = await startRun(options, logFile)
    void run.child.exited.then(ended)
  }

  const ended = (exit: Exit): void => {
    const asked = stopped
    stopped ||= !options.restart
    pauseMs = restartPauseMs(Date.now() - run.startedAtMs, pauseMs)
    options.onExit?.(exit, asked, pauseMs, hung)
    hung = undefined
    if (stopped) {
      watching?.close()
      return
    }
    restarts += 1
    restarting = delay(pauseMs)
      .then(() => (stopped ? undefined : start()))
      .finally(() => {
        restarting = undefined
      })
  }

  await start()
  const watched = {
    get pid() {
      return run.child.pid
    },
    // Between two runs there is nothing to kill.
    answers: async () => stopped || restarting !== undefined || looksAlive(run),
  }
  if (options.hungAfterMs !== 0)
    watching = watchAnswers(watched, options.hungAfterMs, (afterMs) => {
      hung = hungReason(afterMs)
      run.child.kill('SIGKILL')
    })
  return {
    id: options.id,
    kind: options.kind,
    pid: () => run.child.pid,
    adminUrl: () => run.adminUrl,
    startedAtMs: () => run.startedAtMs,
    restarts: () => restarts,
    stopped: () => stopped,
    exited: () => run.child.exited,
    async ready(deadlineMs) {
      const deadline = performance.now() + deadlineMs
      while (!(await probe(`${run.adminUrl}/readyz`))) {
        if (stopped || performance.now() > deadline)
          throw await notReady(options.id, run, deadlineMs, logFile)
        await delay(PROBE_EVERY_MS)
      }
      run.answered = true
    },
    kill: (signal) => run.child.kill(signal),
    async stop() {
      stopped = true
      await restarting
      await run.child.stop('SIGTERM')
    },
  }
}

async function startRun(options: MemberOptions, logFile: string): Promise<Run> {
  const [port = 0] = await drawPorts(1)
  const startedAtMs = Date.now()
  const child = await startChild(
    { name: 'node', path: process.execPath, env: { ...options.env, HTTP_PORT: String(port) } },
    [...NODE_ARGS, ...(options.nodeArgs ?? []), options.script],
    logFile,
  )
  return { child, adminUrl: `http://${LOOPBACK}:${port}`, startedAtMs, answered: false }
}

/** Whether the process answers, or has good reason not to. */
async function looksAlive(run: Run): Promise<boolean> {
  const answers = await probe(`${run.adminUrl}/livez`)
  run.answered ||= answers
  return answers || (!run.answered && Date.now() - run.startedAtMs < START_WITHIN_MS)
}

async function notReady(id: string, { child }: Run, deadlineMs: number, logFile: string) {
  const tail = child.hasExited() ? (await child.exited).logTail : 'the process is still starting'
  const withinS = Math.round(deadlineMs / 1_000)
  return new StartFailure(`${id} is not ready after ${withinS} s (${tail}); its log is ${logFile}`)
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
