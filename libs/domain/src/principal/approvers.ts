import { given } from '../collections/given.ts'
import type { TaskSpec } from '../task/spec.ts'

/** Whether this caller may decide on a step of the task. */
export function mayApprove(
  { approvers, submittedBy, writtenBy }: Pick<TaskSpec, 'approvers' | 'submittedBy' | 'writtenBy'>,
  by: string,
): boolean {
  if (approvers === undefined) return true
  return submittedBy !== undefined && submittedBy !== by && writtenBy !== by
}

/**
 * The spec of a task that this key submits. Of a replay and of a run of a schedule another key may have chosen the
 * text: that key is still named, so that neither of the two approves alone what the other one began.
 */
export function submittedSpec(spec: TaskSpec, by: string): TaskSpec {
  const { submittedBy, writtenBy = submittedBy } = spec
  if (writtenBy === undefined) return { submittedBy: by, ...spec }
  return { ...spec, submittedBy: by, writtenBy }
}

/** The part of a task's spec that the tasks which it makes take over. */
export function inheritedSpec({
  submittedBy,
  writtenBy,
  approvers,
}: Pick<TaskSpec, 'approvers' | 'submittedBy' | 'writtenBy'>): Partial<TaskSpec> {
  return given({ submittedBy, writtenBy, approvers })
}
