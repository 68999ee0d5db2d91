import { backoffDelayMs, type Failure } from '@agentfleet/domain'
import { isToolFailure, type ToolContext, type ToolLog } from '@agentfleet/toolkit'
import type { ToolCall } from '../run/conversation.ts'
import { wrong, type Tool, type ToolOutput, type Tools } from './tool.ts'

/**
 * One tool call of the model, within its limits.
 *
 * Invariants: a call ends at its time limit, at the task's deadline or when its run is over, whether
 * the tool heeds its signal or not; what it answers is no larger than the bound; what went wrong is
 * told to the model, unless the tool says that the attempt is to be tried again later.
 */

/** What a call is made with. */
export interface ToolCallOptions {
  readonly taskId: string
  readonly step: number
  /** Not a moment longer than this epoch instant. */
  readonly deadlineAtMs: number
  /** Largest answer, characters; what is longer is cut. */
  readonly charactersMax: number
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: ToolLog
  /** Receives the function that ends the call early. */
  onStart(cancel: () => void): void
}

/** How a call ended. */
export type ToolResult =
  | { readonly kind: 'answered'; readonly output: ToolOutput }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cancelled' }

/** Calls of an idempotent tool within one call of the model. */
const TRIES_MAX = 3
/** Between them, milliseconds: a blink of a service behind the tool, no longer. */
const TRY_BACKOFF = { baseMs: 200, capMs: 2_000 }
/** Messages of errors are told to the model: long enough to help, short enough to pay for. */
const MESSAGE_MAX = 2_000
/** The longest that a timer can wait, milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** The key under which a call is made, however often it is made. */
export function idempotencyKeyOf(taskId: string, step: number): string {
  return `${taskId}.${step}`
}

/** Runs one tool call of the model; never throws. */
export async function runTool(
  tools: Tools,
  call: ToolCall,
  options: ToolCallOptions,
): Promise<ToolResult> {
  const tool = tools.get(call.name)
  if (tool === undefined) {
    const known = [...tools.keys()].join(', ')
    return answered(wrong(`there is no tool ${JSON.stringify(call.name)}; there are: ${known}`))
  }
  const args = parseArguments(call.arguments)
  if (args === undefined) return answered(wrong('the arguments are not JSON'))
  const misuse = tool.check?.(args)
  if (misuse !== undefined) return answered(misuse)
  const controller = new AbortController()
  const { signal } = controller
  options.onStart(() => controller.abort('cancelled'))
  const leftMs = options.deadlineAtMs - options.nowMs()
  const limitMs = Math.max(0, Math.min(tool.timeoutMs, leftMs, TIMER_MAX_MS))
  const timer = setTimeout(() => controller.abort('time'), limitMs)
  const { taskId, step, log } = options
  const context = { taskId, step, idempotencyKey: idempotencyKeyOf(taskId, step), signal, log }
  try {
    const output = await tryTool(tool, args, context, options.random)
    return signal.aborted ? stopped(tool, signal, leftMs) : answered(bounded(output, options))
  } catch (error) {
    if (signal.aborted) return stopped(tool, signal, leftMs)
    log.warn('a tool call went wrong', { tool: call.name, err: error })
    return failureOf(call.name, error)
  } finally {
    clearTimeout(timer)
    // Whatever the tool has left running hears that nobody waits for it.
    controller.abort('over')
  }
}

async function tryTool(
  tool: Tool,
  args: unknown,
  context: ToolContext,
  random: () => number,
): Promise<ToolOutput> {
  const triesMax = tool.idempotent ? TRIES_MAX : 1
  for (let tries = 1; ; tries += 1) {
    try {
      return await orAborted(tool.run(args, context), context.signal)
    } catch (error) {
      const final = isToolFailure(error) && error.next === 'tell-model'
      if (final || tries >= triesMax || context.signal.aborted) throw error
      await pause(backoffDelayMs(tries, TRY_BACKOFF, random), context.signal)
    }
  }
}

function stopped(tool: Tool, signal: AbortSignal, leftMs: number): ToolResult {
  if (signal.reason === 'cancelled') return { kind: 'cancelled' }
  if (leftMs <= tool.timeoutMs) {
    const message = `the task ran out of time within the tool ${tool.offer.function.name}`
    return { kind: 'failed', failure: { kind: 'deadline', message } }
  }
  const doubt = tool.idempotent ? '' : '; it may have taken effect all the same'
  return answered(wrong(`the tool took longer than ${tool.timeoutMs} ms${doubt}`))
}

function failureOf(name: string, error: unknown): ToolResult {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX)
  if (!isToolFailure(error) || error.next === 'tell-model') return answered(wrong(message))
  const failure = { kind: 'tool-failed', message: `${name}: ${message}`, retryable: true } as const
  return { kind: 'failed', failure }
}

function answered(output: ToolOutput): ToolResult {
  return { kind: 'answered', output }
}

function bounded({ text, error }: ToolOutput, { charactersMax }: ToolCallOptions): ToolOutput {
  if (text.length <= charactersMax) return { text, error }
  const cut = text.length - charactersMax
  return { text: `${text.slice(0, charactersMax)}\n[${cut} more characters were cut]`, error }
}

/** What the promise says, or a throw as soon as the signal aborts: a tool need not heed it. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error(`stopped: ${String(signal.reason)}`))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  return orAborted(waited, signal).finally(() => clearTimeout(timer))
}

/** The arguments as the model wrote them; undefined: they are not JSON. */
export function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text)
  } catch {
    return undefined
  }
}
