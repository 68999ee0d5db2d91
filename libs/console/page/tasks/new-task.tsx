import { MINUTE_MS } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { bound } from '../parts/forms/drafted.ts'
import { NumberField } from '../parts/forms/fields.tsx'
import { SubmissionForm } from '../parts/forms/submission.tsx'
import { TASK_POINTERS, TaskFields } from '../parts/forms/task-fields.tsx'

const BEGIN: TaskRequest = { task: '' }
const POINTERS = [...TASK_POINTERS, '/delayMs']

/** Submits a task. */
export function NewTask(rest: { done: (id: string) => void; leave: () => void }) {
  return (
    <SubmissionForm
      label="New task"
      path="/v1/tasks"
      begin={BEGIN}
      pointers={POINTERS}
      submit="Submit the task"
      {...rest}
    >
      {(form) => (
        <>
          <TaskFields form={form} />
          <NumberField
            label="Start after, minutes"
            note="Empty: as soon as a node has room."
            unit={MINUTE_MS}
            {...bound(form, 'delayMs')}
          />
        </>
      )}
    </SubmissionForm>
  )
}
