import { TASK_STATES, type Principal, type TaskPreview, type TaskRecord } from '@agentfleet/domain'
import { z } from 'zod'

/**
 * Values that Redis keeps as JSON. Only coordinators and gateways can write them (L9), each from a typed value, so
 * these schemas check only the outline that every reader relies on.
 */

const STATES = new Set<unknown>(TASK_STATES)

/** The record of a task. */
export const taskRecordSchema = z.custom<TaskRecord>((value) => {
  if (!isObject(value)) return false
  const { tenant, calls, placed = {}, parent = {} } = value
  const isWhole = isTask(value) && isObject(placed) && isObject(parent)
  return isWhole && typeof tenant === 'string' && Array.isArray(calls)
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

function isTask({ taskId, state, seq, spec, usage }: Readonly<Record<string, unknown>>): boolean {
  const isNamed = typeof taskId === 'string' && STATES.has(state) && typeof seq === 'number'
  return isNamed && isObject(spec) && typeof spec['task'] === 'string' && isObject(usage)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
