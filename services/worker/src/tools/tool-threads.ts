import type { Worker } from 'node:worker_threads'
import { createTurnQueue } from '@agentfleet/domain'
import { startThread } from '@agentfleet/runtime'
import { toolFailure, type ToolContext } from '@agentfleet/toolkit'
import type { ToolThreadData, ToolThreadMessage } from './tool-thread.ts'

/**
 * Runs calls of CPU-heavy tools, each in its own thread.
 *
 * Invariants: at most `threadsMax` threads run at once, and one more for a tenant that has none; the other calls
 * wait, for no longer than a start may take, in an order in which tenants take turns (L7). A thread ends with its call, for
 * whatever reason.
 */
export type ToolThreads = ReturnType<typeof createToolThreads>

/** How threads are created. */
interface ToolThreadsOptions {
  /** Threads at once. */
  readonly threadsMax: number
  /** The compiled module that a thread runs. */
  readonly threadUrl?: URL
  /** Node options of the threads; default: those of the process. */
  readonly execArgv?: readonly string[]
}

/** Megabytes of one thread: a runaway tool ends its thread instead of the node. */
const HEAP_MAX_MB = 512

/** Creates threads on demand. */
export function createToolThreads(options: ToolThreadsOptions) {
  const { threadsMax, execArgv, threadUrl = new URL('./tool-thread.js', import.meta.url) } = options
  // Bounded by the slots, because a run has one call under way.
  const waiting = createTurnQueue<() => void>()
  const tenants = new Map<string, number>()
  let running = 0

  const count = (tenant: string, by: 1 | -1): void => {
    const own = (tenants.get(tenant) ?? 0) + by
    running += by
    if (own === 0) tenants.delete(tenant)
    else tenants.set(tenant, own)
  }
  /** A call may take as long as its time limit, so no tenant takes the last place. */
  const mayBegin = (tenant: string): boolean =>
    running < threadsMax || (running === threadsMax && !tenants.has(tenant))

  const turn = ({ tenant, signal }: ToolContext): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', giveUp)
        count(tenant, 1)
        resolve()
      }
      const giveUp = (): void => {
        waiting.remove(tenant, begin)
        reject(new Error('no thread became free in time'))
      }
      if (signal.aborted) giveUp()
      else if (mayBegin(tenant)) begin()
      else {
        waiting.add(tenant, begin)
        signal.addEventListener('abort', giveUp, { once: true })
      }
    })

  return {
    /**
     * Returns the tool's value or throws; the thread has ended when this settles. Calls `begins` when the thread
     * has loaded the tool.
     */
    async call(
      moduleUrl: string,
      exportName: string,
      args: unknown,
      context: ToolContext,
      begins: () => void,
    ): Promise<unknown> {
      await turn(context)
      const { signal: _signal, log: _log, ...ids } = context
      const workerData: ToolThreadData = { moduleUrl, exportName, args, ...ids }
      let thread: Worker | undefined
      try {
        // Throws if the arguments cannot be copied to a thread, such as those with a function.
        thread = startThread(threadUrl, HEAP_MAX_MB, {
          workerData,
          ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
        })
        return await valueOf(thread, context, begins)
      } finally {
        await thread?.terminate()
        count(context.tenant, -1)
        waiting.take(mayBegin)?.entry()
      }
    },
  }
}

function valueOf(
  thread: Worker,
  { signal, log }: ToolContext,
  begins: () => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('the call was stopped'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    thread.on('message', (message: ToolThreadMessage) => {
      if (message.kind === 'loaded') begins()
      else if (message.kind === 'log') log[message.level](message.message)
      else if (message.kind === 'answer') resolve(message.value)
      else if (message.next === undefined) reject(new Error(message.message))
      else reject(toolFailure(message.next, message.message))
    })
    thread.on('error', reject)
    thread.on('exit', (code) => reject(new Error(`the tool's thread exited with code ${code}`)))
  })
}
