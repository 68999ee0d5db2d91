import { isTerminal } from '@agentfleet/domain'
import type { HistoryEvent, TaskView } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { once, request } from '../api/http.ts'
import { useAction } from '../parts/forms/action.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { ApprovalForm } from '../approvals/form.tsx'
import { focusHeading } from '../parts/heading.ts'
import { open } from '../shell/router.ts'
import { savedWords } from './words.ts'

/** What a person can do with a task. */
export function TaskActions({
  task,
  events,
  changed,
}: {
  task: TaskView
  events: readonly Pick<HistoryEvent, 'call'>[]
  changed: () => void
}) {
  const { said, busy, act } = useAction()
  const cancel = () =>
    act(async () => {
      await request(`/v1/tasks/${task.id}/cancel`, { method: 'POST' })
      focusHeading()
      changed()
    })
  const replay = (from: 'start' | 'journal') =>
    act(async () => {
      const sent = { method: 'POST', body: { from }, headers: once() } as const
      const next = await request<TaskView>(`/v1/tasks/${task.id}/replay`, sent)
      open('tasks', next.id)
    })
  const ended = isTerminal(task.state)
  const saved = savedWords(events)
  return (
    <div class="actions">
      <Allowed scope="tasks:write" to="cancel or replay this task">
        {!ended && (
          <Button disabled={busy} act={cancel}>
            Cancel
          </Button>
        )}
        {ended && (
          <>
            <Button disabled={busy} act={() => replay('start')}>
              Replay from start
            </Button>
            {saved !== undefined && (
              <Button disabled={busy} act={() => replay('journal')}>
                Replay from journal, {saved}
              </Button>
            )}
          </>
        )}
      </Allowed>
      <span role="status">{said}</span>
      {task.waitingFor?.kind === 'approval' && (
        <ApprovalForm taskId={task.id} wait={task.waitingFor} decided={changed} />
      )}
    </div>
  )
}
