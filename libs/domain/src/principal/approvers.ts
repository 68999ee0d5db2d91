import { given } from '../collections/given.ts'
import type { TaskSpec } from '../task/spec.ts'

/** Whether this caller may decide on a step of the task. */
export function mayApprove(
  { approvers, submittedBy }: Pick<TaskSpec, 'approvers' | 'submittedBy'>,
  by: string,
): boolean {
  return approvers === undefined || (submittedBy !== undefined && submittedBy !== by)
}

/** The part of a task's spec that the tasks which it makes take over. */
export function inheritedSpec({
  submittedBy,
  approvers,
}: Pick<TaskSpec, 'approvers' | 'submittedBy'>): Pick<TaskSpec, 'approvers' | 'submittedBy'> {
  return given({ submittedBy, approvers })
}
