import { ClientError } from '@agentfleet/client'
import type { Context } from './command.ts'
import { CommandError, EXIT, exitCodeOf, explain, UsageError, type ExitCode } from './exit.ts'

/** Refusals that concern one task: the next task may be accepted. */
const ABOUT_ONE_TASK: ReadonlySet<number> = new Set([400, 404, 409, 422])

/** Does the same with each named task; that one task is refused does not keep the others. */
export async function forEachTask(
  context: Context,
  taskIds: readonly string[],
  act: (taskId: string) => Promise<void>,
): Promise<ExitCode> {
  if (taskIds.length === 0) {
    throw new UsageError('The id of a task is missing. Give an id, or give --all and filters.')
  }
  const refused: ClientError[] = []
  for (const [at, taskId] of taskIds.entries()) {
    try {
      await act(taskId)
    } catch (error) {
      const passes = error instanceof ClientError && ABOUT_ONE_TASK.has(error.status)
      if (!passes || taskIds.length === 1 || exitCodeOf(error) === EXIT.unreachable) {
        if (taskIds.length > 1) context.note(restOf(taskIds, at))
        throw error
      }
      context.note(`${taskId}: ${explain(error, context.url)}`)
      refused.push(error)
    }
  }
  const [first] = refused
  if (first === undefined) return EXIT.done
  const counts = `${refused.length} of ${taskIds.length} tasks were refused`
  throw new CommandError(`${counts}; the lines above say why.`, exitCodeOf(first))
}

/** Which tasks the command has not reached: a person repeats it for these. */
function restOf(taskIds: readonly string[], at: number): string {
  const rest = taskIds.length - at
  return `The command stopped at the task ${taskIds[at]}: ${rest} of ${taskIds.length} tasks are left.`
}
