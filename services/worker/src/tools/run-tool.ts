import { setTimeout as pause } from 'node:timers/promises'
import { backoffDelayMs, jsonIn, type Failure } from '@agentfleet/domain'
import { isToolFailure, type ToolContext, type ToolLog } from '@agentfleet/toolkit'
import type { ToolCall } from '../run/conversation.ts'
import { wrong, type Tool, type ToolOutput, type Tools } from './tool.ts'

/**
 * Runs one tool call of the model within its limits.
 *
 * Invariants: a call ends at its time limit, at the task's deadline or with its run, even if the
 * tool ignores its signal; the start of a thread has a separate limit, so that a busy machine takes nothing from
 * the time of the tool; the answer never exceeds the limit; the model gets the message of an
 * error, unless the tool asks for another attempt later.
 */

/** How to make a call. */
export interface ToolCallOptions {
  readonly taskId: string
  readonly tenant: string
  readonly step: number
  /** The epoch time at which the call must end. */
  readonly deadlineAtMs: number
  /** Characters of the answer; the rest is cut. */
  readonly charactersMax: number
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: ToolLog
  /** Receives the function that ends the call early. */
  onStart(cancel: () => void): void
}

/** How a call ended. */
type ToolResult =
  | { readonly kind: 'answered'; readonly output: ToolOutput }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cancelled' }

/** Why a call is stopped before it has ended. */
type StopReason = 'cancelled' | 'deadline' | 'start' | 'time'

/** Tries of an idempotent tool within one call of the model. */
const TRIES_MAX = 3
/** Milliseconds between tries: they bridge only a short failure of a service behind the tool. */
const TRY_BACKOFF = { baseMs: 200, capMs: 2_000 }
/** Characters; the model reads error messages, and their tokens cost money. */
const MESSAGE_MAX = 2_000
/** Characters; no tool has a longer name. */
const NAME_MAX = 128
/** Milliseconds of the longest timer. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** Runs one tool call of the model; never throws. */
export async function runTool(
  tools: Tools,
  call: ToolCall,
  options: ToolCallOptions,
): Promise<ToolResult> {
  const tool = tools.get(call.name)
  if (tool === undefined) {
    const known = [...tools.keys()].join(', ')
    const name = JSON.stringify(call.name.slice(0, NAME_MAX))
    const unknown = wrong(`there is no tool ${name}; use one of these tools: ${known}`)
    return answered(bounded(unknown, options.charactersMax))
  }
  const args = parseArguments(call.arguments)
  if (args === undefined) return answered(wrong('the arguments are not JSON'))
  const misuse = tool.check?.(args)
  if (misuse !== undefined) return answered(bounded(misuse, options.charactersMax))
  const controller = new AbortController()
  const { signal } = controller
  options.onStart(() => controller.abort('cancelled'))
  const clock = startClock(tool, options, (reason) => controller.abort(reason))
  const { taskId, tenant, step, log } = options
  const context = {
    taskId,
    tenant,
    step,
    // The same for every try.
    idempotencyKey: `${taskId}.${step}`,
    signal,
    log,
  }
  try {
    const output = await tryTool(tool, args, context, clock.begins, options.random)
    return signal.aborted
      ? stopped(tool, signal.reason)
      : answered(bounded(output, options.charactersMax))
  } catch (error) {
    if (signal.aborted) return stopped(tool, signal.reason)
    log.warn('A tool call failed', { tool: call.name, err: error })
    return failureOf(call.name, error)
  } finally {
    clock.stop()
    // Tells the code that the tool has left running that its result is not needed.
    controller.abort('over')
  }
}

/** Ends a call at the limit of its start, at its time limit or at the deadline of the task. */
function startClock(
  tool: Tool,
  { deadlineAtMs, nowMs }: ToolCallOptions,
  end: (reason: StopReason) => void,
): { begins(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let begun = false
  const limit = (limitMs: number, reason: StopReason): void => {
    clearTimeout(timer)
    const leftMs = deadlineAtMs - nowMs()
    const waitMs = Math.max(0, Math.min(limitMs, leftMs, TIMER_MAX_MS))
    timer = setTimeout(() => end(leftMs <= limitMs ? 'deadline' : reason), waitMs)
  }
  const begins = (): void => {
    // Further tries of the call share the time limit of the first.
    if (!begun) limit(tool.timeoutMs, 'time')
    begun = true
  }
  if (tool.startMs === undefined) begins()
  else limit(tool.startMs, 'start')
  return { begins, stop: () => clearTimeout(timer) }
}

async function tryTool(
  tool: Tool,
  args: unknown,
  context: ToolContext,
  begins: () => void,
  random: () => number,
): Promise<ToolOutput> {
  const triesMax = tool.idempotent ? TRIES_MAX : 1
  for (let tries = 1; ; tries += 1) {
    try {
      return await orAborted(tool.run(args, context, begins), context.signal)
    } catch (error) {
      const final = isToolFailure(error) && error.next === 'tell-model'
      if (final || tries >= triesMax || context.signal.aborted) throw error
      const delayMs = backoffDelayMs(tries, TRY_BACKOFF, random)
      await pause(delayMs, undefined, { signal: context.signal })
    }
  }
}

function stopped(tool: Tool, reason: StopReason): ToolResult {
  switch (reason) {
    case 'cancelled':
      return { kind: 'cancelled' }
    case 'deadline': {
      const message = `the task reached its deadline within the tool ${tool.offer.function.name}`
      return { kind: 'failed', failure: { kind: 'deadline', message } }
    }
    case 'start':
      return answered(
        wrong(`the tool did not start within ${tool.startMs} ms; call it again later`),
      )
    case 'time':
      break
  }
  const doubt = tool.idempotent ? '' : ', but the call may still have taken effect'
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

/** Cuts an output for the model; the end says how much is missing. */
export function bounded({ text, error }: ToolOutput, charactersMax: number): ToolOutput {
  if (text.length <= charactersMax) return { text, error }
  const cut = text.length - charactersMax
  return { text: `${text.slice(0, charactersMax)}\n[${cut} more characters were cut]`, error }
}

/** Settles like the promise, or rejects as soon as the signal aborts: a tool may ignore it. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error(`stopped: ${String(signal.reason)}`))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Parses the arguments that the model wrote; undefined if they are not JSON. */
export function parseArguments(text: string): unknown {
  return text === '' ? {} : jsonIn(text)
}
