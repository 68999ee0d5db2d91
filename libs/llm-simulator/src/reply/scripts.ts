import { isFaultKind, type FaultKind } from '../settings/faults.ts'
import type { Valid } from '../settings/settings.ts'
import { isJsonObject } from '../http/json.ts'

/** One scripted answer. */
export interface ScriptTurn {
  readonly content?: string
  /** The tools that it calls; `arguments` may be the JSON text or the value itself. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: unknown }[]
  /** Time to the first token of this turn. */
  readonly delayMs?: number
  /** Refuse this turn instead of answering it. */
  readonly error?: {
    readonly status: number
    readonly message?: string
    readonly code?: string
    readonly retryAfterMs?: number
  }
  /** The fault of this turn. */
  readonly fault?: FaultKind
}

/** Enough for every conversation of a test; bounds the memory. */
const TURNS_MAX = 1_000
/** More tool calls than any provider makes in one turn. */
const TOOL_CALLS_MAX = 128
const NAME = /^[\w.-]{1,64}$/

/** Checks a script and reports all its problems together. */
export function parseScript(name: unknown, turns: unknown): Valid<readonly ScriptTurn[]> {
  const problems: string[] = []
  if (typeof name !== 'string' || !NAME.test(name)) {
    problems.push('name: must have 1 to 64 letters, digits or any of "_.-"')
  }
  if (!Array.isArray(turns) || turns.length === 0 || turns.length > TURNS_MAX) {
    problems.push(`turns: must be a list of 1 to ${TURNS_MAX} objects`)
    return { kind: 'invalid', problems }
  }
  for (const [index, turn] of (turns as readonly unknown[]).entries()) {
    problems.push(...problemsOfTurn(turn).map((problem) => `turns[${index}].${problem}`))
  }
  if (problems.length > 0) return { kind: 'invalid', problems }
  return { kind: 'ok', value: turns as readonly ScriptTurn[] }
}

function problemsOfTurn(turn: unknown): string[] {
  if (!isJsonObject(turn)) return ['turn: must be an object']
  const { content, toolCalls, delayMs, error, fault, ...rest } = turn
  const problems = Object.keys(rest).map((name) => `${name}: is not a field of a turn`)
  if (content !== undefined && typeof content !== 'string') problems.push('content: must be text')
  if (toolCalls !== undefined && !areToolCalls(toolCalls)) {
    problems.push(
      `toolCalls: must be a list of at most ${TOOL_CALLS_MAX} objects {name, arguments}`,
    )
  }
  if (delayMs !== undefined && !isWithin(delayMs, 0, 3_600_000)) {
    problems.push('delayMs: must be 0 to 3600000')
  }
  if (error !== undefined && !(isJsonObject(error) && isWithin(error['status'], 400, 599))) {
    problems.push('error: must have a status of 400 to 599')
  }
  if (fault !== undefined && !isFaultKind(fault)) problems.push('fault: is unknown')
  return problems
}

function areToolCalls(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= TOOL_CALLS_MAX &&
    (value as readonly unknown[]).every(
      (call) => isJsonObject(call) && typeof call['name'] === 'string' && 'arguments' in call,
    )
  )
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max
}

/** Turn `turn` of the built-in script: tool calls first, a text as turn `count - 1`. */
export function stepsTurn(turn: number, count: number, delayMs: number | undefined): ScriptTurn {
  const delay = delayMs === undefined ? {} : { delayMs }
  if (turn < count - 1) {
    const call = { name: 'calculate', arguments: { expression: `${turn}+1` } }
    return { ...delay, toolCalls: [call] }
  }
  return { ...delay, content: `[simulated] finished after ${count} steps` }
}
