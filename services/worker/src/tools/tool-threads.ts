import { Worker } from 'node:worker_threads'
import { toolFailure, type ToolContext } from '@agentfleet/toolkit'
import type { ToolThreadData, ToolThreadMessage } from './tool-thread.ts'

/**
 * Calls of CPU-heavy tools, each in a thread of its own.
 *
 * Invariants: so many threads at once and no more, the rest wait in order within their own limits of
 * time; a thread is ended when its call is over, for whatever reason.
 */
export interface ToolThreads {
  /** The tool's value, or a throw; the thread is gone when this settles. */
  call(moduleUrl: string, exportName: string, args: unknown, context: ToolContext): Promise<unknown>
}

/** How threads are made. */
export interface ToolThreadsOptions {
  /** Threads at once. */
  readonly threadsMax: number
  /** The compiled module that a thread runs. */
  readonly threadUrl?: URL
  /** Options of Node for threads; those of the process when not given. */
  readonly execArgv?: readonly string[]
}

/** Memory of one thread, MB: a runaway tool ends its thread before it ends the node. */
const HEAP_MAX_MB = 512

/** Makes threads when they are needed. */
export function createToolThreads(options: ToolThreadsOptions): ToolThreads {
  const { threadsMax, execArgv, threadUrl = new URL('./tool-thread.js', import.meta.url) } = options
  // Bounded by the slots: a run has one call under way.
  const waiting = new Set<() => void>()
  let running = 0

  const turn = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        waiting.delete(begin)
        signal.removeEventListener('abort', giveUp)
        running += 1
        resolve()
      }
      const giveUp = (): void => {
        waiting.delete(begin)
        reject(new Error('no thread was free in time'))
      }
      if (signal.aborted) giveUp()
      else if (running < threadsMax) begin()
      else {
        waiting.add(begin)
        signal.addEventListener('abort', giveUp, { once: true })
      }
    })

  return {
    async call(moduleUrl, exportName, args, context) {
      await turn(context.signal)
      const { taskId, step, idempotencyKey } = context
      const workerData: ToolThreadData = {
        moduleUrl,
        exportName,
        args,
        taskId,
        step,
        idempotencyKey,
      }
      const thread = new Worker(threadUrl, {
        workerData,
        ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
      })
      try {
        return await valueOf(thread, context)
      } finally {
        await thread.terminate()
        running -= 1
        const [next] = waiting
        next?.()
      }
    },
  }
}

function valueOf(thread: Worker, { signal, log }: ToolContext): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('the call was stopped'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    thread.on('message', (message: ToolThreadMessage) => {
      if (message.kind === 'log') log[message.level](message.message)
      else if (message.kind === 'answer') resolve(message.value)
      else if (message.next === undefined) reject(new Error(message.message))
      else reject(toolFailure(message.next, message.message))
    })
    thread.on('error', reject)
    thread.on('exit', (code) => reject(new Error(`the tool's thread ended with ${code}`)))
  })
}
