import type { AuditPage, TaskView } from '@agentfleet/protocol'

/** A step that a person approved or refused. */
export interface DecidedStep {
  readonly taskId: string
  readonly atMs: number
  /** The key that decided; undefined if the audit log does not name it. */
  readonly by: string | undefined
  /** The decision; undefined if the task cannot be read. */
  readonly approval: NonNullable<TaskView['approvals']>[number] | undefined
  /** Whether the gateway does not know if the decision was stored, and no task says so. */
  readonly unknown: boolean
}

/**
 * Joins the decisions of the audit log with the tasks that have them, latest first. The audit log says who and when,
 * the task says what; of a task that cannot be read only the audit log speaks.
 */
export function decidedOf(
  events: AuditPage['events'],
  tasks: ReadonlyMap<string, TaskView>,
): readonly DecidedStep[] {
  const named = new Set(events.map(({ target }) => target))
  const known = [...tasks.values()].filter(({ id, approvals }) => named.has(id) && approvals)
  const read = new Set(known.map(({ id }) => id))
  const ofTasks = known.flatMap(({ id, updatedAt, approvals = [] }) =>
    approvals.map((approval): DecidedStep => {
      const atMs = approval.atMs ?? Date.parse(updatedAt)
      return { taskId: id, atMs, by: approval.by, approval, unknown: false }
    }),
  )
  const others = events.flatMap(({ target = '', at, keyId, kind }): readonly DecidedStep[] => {
    if (target === '' || read.has(target)) return []
    const unknown = kind === 'unknown'
    return [{ taskId: target, atMs: Date.parse(at), by: keyId, approval: undefined, unknown }]
  })
  return [...ofTasks, ...others].toSorted((a, b) => b.atMs - a.atMs)
}

/** The tasks of the latest decisions; a task is named again after each new decision about one of its steps. */
export function tasksToRead(events: AuditPage['events'], max: number): ReadonlyMap<string, string> {
  const newest = new Map<string, string>()
  for (const { target, seq } of events) {
    if (target !== undefined && !newest.has(target) && newest.size < max) {
      newest.set(target, `${target} ${seq}`)
    }
  }
  return newest
}
