import { given } from '@agentfleet/domain'
import type { TaskSummary } from '@agentfleet/protocol'
import { flag, takes, type Command, type Context } from '../command.ts'
import { CommandError, type ExitCode } from '../exit.ts'
import { PAGE_MAX, pagesOf, type From } from '../pages.ts'
import { isSet, oneArgument, textOf, wholeOf } from '../parse/values.ts'
import { approvalTable } from '../render/task-views.ts'
import { printOne, showView, WATCH_OPTION } from '../watching.ts'

const STEP = { min: 0, max: 1_000_000 }

/** `agentfleet approve`: calls of tools that wait for the word of a person. */
export const approve: Command = {
  name: 'approve',
  summary: 'list the calls that wait for approval; approve or refuse a call',
  usages: [
    'approve [--watch]',
    'approve [--refuse] [--note TEXT] [--person NAME] [--step N] TASK_ID',
  ],
  options: {
    refuse: flag('refuse the call; the task continues without the call'),
    note: takes('TEXT', 'store TEXT as the reason; the model reads the reason of a refusal'),
    person: takes('NAME', 'store NAME as the name of the person who decides'),
    step: takes('N', 'decide on the step N (default: the step that waits now)'),
    watch: WATCH_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    if (input.args.length === 0) {
      return showView(context, async () => {
        const objects = await waitingTasks(context)
        const none = 'No call waits for approval.'
        const text = objects.length === 0 ? none : approvalTable(objects, context, context.nowMs())
        return { objects, text }
      })
    }
    const taskId = oneArgument(input.args, 'The id of the task is missing.')
    const step = wholeOf(input, 'step', STEP) ?? (await waitingStep(context, taskId))
    const approved = !isSet(input, 'refuse')
    const asked = given({ note: textOf(input, 'note'), person: textOf(input, 'person') })
    const word = { approved, ...asked }
    const view = await client.approve(taskId, step, word)
    const said = approved ? 'approved' : 'refused'
    return printOne(context, view, () => `step ${step} of ${view.id} ${said}`)
  },
}

async function waitingStep({ client }: Context, taskId: string): Promise<number> {
  const { state, waitingFor } = await client.get(taskId)
  if (waitingFor?.kind === 'approval' && waitingFor.step !== undefined) return waitingFor.step
  const why = waitingFor === undefined ? `is ${state}` : `waits for ${waitingFor.kind}`
  throw new CommandError(
    `The task waits for no approval: it ${why}. "agentfleet approve" lists the calls that wait.`,
  )
}

async function waitingTasks(context: Context): Promise<readonly TaskSummary[]> {
  const query = { waitingKind: 'approval', limit: PAGE_MAX } as const
  const found: TaskSummary[] = []
  const read = (from: From) => context.client.list({ ...query, ...from })
  for await (const { tasks } of pagesOf(context, read)) found.push(...tasks)
  return found.toSorted((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1))
}
