import { parentPort, workerData } from 'node:worker_threads'
import { isTool, isToolFailure, type ToolContext, type ToolLog } from '@agentfleet/toolkit'
import { registerModuleHooks } from './register-hooks.ts'

/**
 * The thread of one call of a CPU-heavy tool: it loads the tool's module, calls the tool and sends
 * the result. It has no limits; the main thread ends it.
 */

/** What the thread is started with. */
export interface ToolThreadData extends Omit<ToolContext, 'signal' | 'log'> {
  readonly moduleUrl: string
  readonly exportName: string
  readonly args: unknown
}

/** The message with the result. */
export type ToolThreadMessage =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'log'; readonly level: keyof ToolLog; readonly message: string }
  | { readonly kind: 'answer'; readonly value: unknown }
  | {
      readonly kind: 'error'
      readonly message: string
      readonly next: 'retry' | 'tell-model' | undefined
    }

function say(message: ToolThreadMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
  parentPort?.postMessage(message)
}

const logAs =
  (level: keyof ToolLog) =>
  (message: string): void =>
    say({ kind: 'log', level, message })

async function call(): Promise<unknown> {
  registerModuleHooks()
  const { moduleUrl, exportName, args, ...ids } = workerData as ToolThreadData
  const exported = (await import(moduleUrl)) as Readonly<Record<string, unknown>>
  const tool = exported[exportName]
  if (!isTool(tool)) throw new Error(`${moduleUrl} exports no tool ${exportName}`)
  say({ kind: 'loaded' })
  const log = { info: logAs('info'), warn: logAs('warn'), error: logAs('error') }
  // Nothing aborts the signal, because the main thread ends the thread instead.
  const { signal } = new AbortController()
  return tool.run(args, { ...ids, signal, log })
}

try {
  say({ kind: 'answer', value: await call() })
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  say({ kind: 'error', message, next: isToolFailure(error) ? error.next : undefined })
}
