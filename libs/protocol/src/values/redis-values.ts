import { TASK_STATES, type Principal, type TaskPreview, type TaskRecord } from '@agentfleet/domain'
import { z } from 'zod'

/**
 * Values that Redis keeps as JSON. Only coordinators and gateways can write them (L9), each from a typed value, so
 * these schemas check only the outline that every reader relies on.
 */

const STATES = new Set<unknown>(TASK_STATES)

/** The record of a task. */
export const taskRecordSchema = z.custom<TaskRecord>((value) => {
  if (!isObject(value) || !isTask(value)) return false
  const { tenant, spec, calls, children, approvals, pauses, placed = {}, parent = {} } = value
  const isListed = [calls, children, approvals].every((list) => Array.isArray(list))
  const isLimited = isObject(spec) && Number.isFinite(spec['timeoutMs']) && Number.isFinite(pauses)
  return typeof tenant === 'string' && isListed && isLimited && isObject(placed) && isObject(parent)
}, 'must be the record of a task')

/** What a listing shows of a task; the previews of older releases have no kind. */
export const taskPreviewSchema = z.custom<TaskPreview>(
  (value) => isObject(value) && isTask(value) && typeof value['kind'] === 'string',
  'must be the preview of a task',
)

/** The caller whom a ticket stands for. */
export const ticketSchema = z.custom<Principal>((value) => {
  if (!isObject(value)) return false
  const { keyId, tenant, scopes } = value
  return typeof keyId === 'string' && typeof tenant === 'string' && Array.isArray(scopes)
}, 'must be a caller')

/** The times and counts of a task; a reader formats and compares them. */
const FIGURES = ['seq', 'submittedAtMs', 'updatedAtMs', 'attempt', 'failures'] as const
/** The times that only some tasks have. */
const TIMES = ['storedAtMs', 'retryAtMs', 'startedAtMs'] as const

function isTask(value: Readonly<Record<string, unknown>>): boolean {
  const { taskId, state, spec, usage, waitingFor } = value
  const isNamed = typeof taskId === 'string' && STATES.has(state)
  const isCounted = FIGURES.every((name) => Number.isFinite(value[name]))
  const isTimed = TIMES.every((name) => value[name] === undefined || Number.isFinite(value[name]))
  const isSpec = isObject(spec) && typeof spec['task'] === 'string'
  return isNamed && isCounted && isTimed && isSpec && isObject(usage) && isWaiting(waitingFor)
}

function isWaiting(waiting: unknown): boolean {
  if (waiting === undefined) return true
  if (!isObject(waiting)) return false
  if (waiting['kind'] === 'approval') return true
  if (waiting['kind'] === 'time') return Number.isFinite(waiting['untilMs'])
  return Array.isArray(waiting['taskIds'])
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
