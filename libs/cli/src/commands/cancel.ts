import type { Command } from '../command.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { printOne } from '../watching.ts'

/** `agentfleet cancel`: ends tasks. */
export const cancel: Command = {
  name: 'cancel',
  summary: 'cancel tasks',
  usages: ['cancel TASK_ID…'],
  notes: ['Repeating it is safe: a cancelled task stays cancelled.'],
  async run(context, { args }): Promise<ExitCode> {
    if (args.length === 0) throw new UsageError('The id of a task is missing.')
    for (const taskId of args) {
      const view = await context.client.cancel(taskId, { signal: context.signal })
      printOne(context, view, () => `${view.id} ${view.state}`)
    }
    return EXIT.done
  },
}
