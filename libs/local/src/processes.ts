import { join } from 'node:path'
import type { ServiceName } from '@agentfleet/protocol'
import { startMember, type Member } from './member.ts'
import type { Exit } from './servers/child.ts'
import { endOf, lastWords, type StartWatch } from './start/start-watch.ts'

/** How the processes of a fleet run. */
export interface ProcessOptions {
  readonly nodeArgs?: Partial<Record<ServiceName, readonly string[]>>
  readonly restart?: boolean
  /** A server that has not answered for this long is killed and started again, milliseconds. */
  readonly hungAfterMs?: number
  /**
   * Called for every process that ended without being asked, with its last output, whether another
   * process follows, and how soon.
   */
  readonly onExit?: (id: string, reason: string, followed: boolean, pauseMs?: number) => void
}

/** What the processes report to while the fleet starts. */
export interface ProcessStart {
  readonly logDir: string
  readonly watch: StartWatch
  readonly isOver: () => boolean
}

/** The last output of an ended process is cut to this, since it is shown in one line. */
const SAID_CHARS_MAX = 200

/**
 * Objects of a request live as long as the request: with the default of 16 MB a collection finds most of them
 * alive and copies them. A larger space costs memory under load, makes single pauses longer and saves up to a
 * tenth of the processor time.
 *
 * V8 puts what survived its first, small collections into the old space from then on. There the objects of an
 * ended request keep young ones alive until the next full collection: without it, a gateway copies a seventh as much.
 */
const NO_PRETENURING = '--no-allocation-site-pretenuring'
const MEMORY_OPTIONS: Partial<Record<ServiceName, readonly string[]>> = {
  gateway: ['--max-semi-space-size=64', NO_PRETENURING],
  coordinator: ['--max-semi-space-size=64', NO_PRETENURING],
  'load-balancer': ['--max-semi-space-size=32', NO_PRETENURING],
  worker: ['--max-semi-space-size=32'],
}

/** Creates the processes of a fleet, at first none; `isShort`: whether another worker will follow one that has ended. */
export function createProcesses(
  options: ProcessOptions,
  { logDir, watch, isOver }: ProcessStart,
  isShort: () => boolean,
) {
  const members: Member[] = []
  const run = async (
    kind: string,
    id: string,
    script: string,
    env: Record<string, string>,
  ): Promise<Member> => {
    // A killed worker returns under another name, so that its old tasks are not mixed up with new tasks.
    const restart = kind !== 'worker' && (options.restart ?? true)
    const nodeArgs = [
      ...(MEMORY_OPTIONS[kind as ServiceName] ?? []),
      ...(options.nodeArgs?.[kind as ServiceName] ?? []),
    ]
    const member = await startMember({
      id,
      kind,
      script,
      env,
      logDir,
      restart,
      nodeArgs,
      // The simulators stand for the provider: their faults are not the fleet's.
      hungAfterMs: kind === 'simulator' || options.restart === false ? 0 : options.hungAfterMs,
      onExit: (exit, asked, pauseMs, hung) => {
        if (asked) return
        const reason = hung ?? reasonOf(exit)
        if (kind === 'worker') options.onExit?.(id, reason, isShort())
        else options.onExit?.(id, reason, restart, pauseMs)
        watch.ended(kind === 'worker' ? 'the worker' : id, exit, join(logDir, `${id}.log`))
      },
    })
    members.push(member)
    // The start was abandoned meanwhile, before this process was among those to be stopped.
    if (isOver()) await member.stop()
    return member
  }
  return {
    run,
    members: (kind?: string) =>
      members.filter((m) => !m.stopped() && (kind === undefined || m.kind === kind)),
    async stopServices(): Promise<void> {
      const services = members.filter(({ kind }) => kind !== 'simulator')
      await Promise.all(services.map((member) => member.stop()))
    },
  }
}

function reasonOf(exit: Exit): string {
  // A process that is killed cannot write why: its last error is about something else.
  if (exit.signal === 'SIGKILL') return endOf(exit)
  const [said] = lastWords(exit.logTail).slice(-1)
  return said === undefined ? endOf(exit) : `${endOf(exit)}: ${said.slice(0, SAID_CHARS_MAX)}`
}
