import { deadlineAtMs, type TaskRecord } from './task-record.ts'
import { CHILDREN_MAX, DEPTH_MAX } from './wait.ts'
import type { Budget } from './values.ts'
import type { TaskError, TaskSpec } from './spec.ts'

/** The decision on a run that wants to make tasks. */
type SpawnDecision =
  | { readonly kind: 'spawn'; readonly specs: readonly TaskSpec[]; readonly depth: number }
  /** This step has already made its children, in an earlier attempt. */
  | { readonly kind: 'present'; readonly taskIds: readonly string[] }
  | { readonly kind: 'reject'; readonly error: TaskError }

/** The parts of a budget that a task and its children share; the deadline bounds the time. */
const SHARED = ['tokens', 'usd', 'turns'] as const
type Draft = { -readonly [K in keyof Budget]: Budget[K] }

/** A child that has less time than this would only fail, milliseconds. */
const CHILD_TIME_MIN_MS = 1_000

/**
 * Whether a run may make these tasks at its step. Children end before their parent's deadline and share the
 * rest of its budget: each may use an equal part, one part stays with the parent. `idOf` gives the id of the
 * child at a position.
 */
export function decideSpawn(
  record: TaskRecord,
  step: number,
  specs: readonly TaskSpec[],
  idOf: (position: number) => string,
  nowMs: number,
): SpawnDecision {
  const present = record.children.filter((child) => child.step === step)
  if (present.length > 0) return { kind: 'present', taskIds: present.map(({ taskId }) => taskId) }
  const depth = (record.parent?.depth ?? 0) + 1
  if (depth > DEPTH_MAX) {
    return reject('too-deep', `a child may be at most ${DEPTH_MAX} levels below the first task`)
  }
  if (record.children.length + specs.length > CHILDREN_MAX) {
    return reject('too-many-children', `a task may have at most ${CHILDREN_MAX} children`)
  }
  const leftMs = deadlineAtMs(record) - nowMs
  if (leftMs < CHILD_TIME_MIN_MS)
    return reject('deadline-exceeded', 'the deadline of the task leaves no time for children')
  const known = new Set(record.children.map(({ taskId }) => taskId))
  for (const [position, spec] of specs.entries()) {
    const stranger = spec.dependsOn?.find((taskId) => !known.has(taskId))
    if (stranger !== undefined) {
      const message = `child ${position} depends on ${stranger}, which is not an earlier child of this task`
      return reject('unknown-dependency', message)
    }
    known.add(idOf(position))
  }
  const share = shareOf(record, specs.length + 1)
  const bounded = specs.map((spec) => ({
    ...spec,
    timeoutMs: Math.min(spec.timeoutMs, leftMs),
    ...(share === undefined ? {} : { budget: leastOf(spec.budget, share) }),
  }))
  return { kind: 'spawn', specs: bounded, depth }
}

/** The budget of a task without the part that its children may use. */
export function ownBudget({
  spec,
  granted,
}: Pick<TaskRecord, 'spec' | 'granted'>): Budget | undefined {
  if (spec.budget === undefined || granted === undefined) return spec.budget
  const own: Draft = { ...spec.budget }
  for (const key of SHARED) {
    const whole = spec.budget[key]
    if (whole !== undefined) own[key] = Math.max(0, whole - (granted[key] ?? 0))
  }
  return own
}

const UNITS = { tokens: 'tokens', usd: 'USD', turns: 'LLM calls' } as const

/**
 * Adds to the error of a used-up budget the budget that was sent with the task, the part that its children may
 * use, and what is left.
 */
export function withBudgetSent(
  record: Pick<TaskRecord, 'spec' | 'granted' | 'usage'>,
  error: TaskError,
): TaskError {
  const { spec, granted, usage } = record
  if (error.code !== 'budget-exceeded') return error
  const used = {
    tokens: usage.inputTokens + usage.outputTokens,
    usd: usage.costUsd ?? 0,
    turns: usage.llmCalls,
  }
  const parts = SHARED.flatMap((key) => {
    const sent = spec.budget?.[key]
    const given = granted?.[key] ?? 0
    if (sent === undefined || given === 0) return []
    const left = Number(Math.max(0, sent - given - used[key]).toFixed(6))
    return [
      `The task was sent with a budget of ${sent} ${UNITS[key]}: its children may use ${given}, and ${left} are left`,
    ]
  })
  return parts.length === 0 ? error : { ...error, message: [error.message, ...parts].join('. ') }
}

/** The part that the children of a task may use together, including these children. */
export function grantedWith(
  { spec, granted }: Pick<TaskRecord, 'spec' | 'granted'>,
  children: readonly { readonly spec: TaskSpec }[],
): Budget | undefined {
  if (spec.budget === undefined) return undefined
  const sum: Draft = {}
  for (const key of SHARED) {
    if (spec.budget[key] === undefined) continue
    sum[key] = children.reduce(
      (total, child) => total + (child.spec.budget?.[key] ?? 0),
      granted?.[key] ?? 0,
    )
  }
  return sum
}

/** An equal part of the parent's rest; undefined when it has no bound. */
function shareOf(record: TaskRecord, parts: number): Budget | undefined {
  const { tokens, usd, turns } = ownBudget(record) ?? {}
  const { usage } = record
  const share: Draft = {}
  if (tokens !== undefined) {
    share.tokens = part(tokens - usage.inputTokens - usage.outputTokens, parts)
  }
  if (turns !== undefined) share.turns = part(turns - usage.llmCalls, parts)
  if (usd !== undefined) share.usd = Math.max(0, usd - (usage.costUsd ?? 0)) / parts
  return Object.keys(share).length === 0 ? undefined : share
}

function part(left: number, parts: number): number {
  return Math.max(1, Math.floor(left / parts))
}

function leastOf(own: Budget = {}, share: Budget): Budget {
  const least: Draft = { ...own }
  for (const key of SHARED) {
    const bound = share[key]
    if (bound !== undefined) least[key] = Math.min(bound, own[key] ?? Infinity)
  }
  return least
}

function reject(code: string, message: string): SpawnDecision {
  return { kind: 'reject', error: { code, message } }
}
