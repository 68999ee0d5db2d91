import { useState } from 'preact/hooks'
import type { ScheduleRequest, ScheduleView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { bound, changed, type Drafted } from '../parts/forms/drafted.ts'
import { ChoiceField, TextField } from '../parts/forms/fields.tsx'
import { problemsOf } from '../parts/forms/problems.ts'
import { useSettled } from '../parts/forms/settled.ts'
import { TASK_POINTERS, TaskFields } from '../parts/forms/task-fields.tsx'
import { VersionedForm, type Base } from '../parts/forms/versioned.tsx'
import { Ticks, usePreview } from './preview.tsx'

const NAME_POINTER = 'path/name'
const TICK_POINTERS = ['/cron', '/timeZone']
const POINTERS = [
  NAME_POINTER,
  ...TICK_POINTERS,
  '/overlap',
  '/paused',
  ...TASK_POINTERS.map((pointer) => `/task${pointer}`),
]
const OVERLAPS = [
  ['allow', 'submit the next task as well'],
  ['skip', 'skip the tick'],
] as const
const STATES = [
  ['no', 'submits its task at each tick'],
  ['yes', 'paused'],
] as const

/** What a new schedule begins with: the time zone of the reader, and no second task beside an unfinished one. */
const NEW: Base<ScheduleRequest> = {
  version: 0,
  definition: {
    cron: '0 8 * * 1-5',
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    overlap: 'skip',
    task: { task: '' },
  },
}

/** The part of a stored schedule that its owner writes. */
export function requestOf(schedule: ScheduleView): ScheduleRequest {
  const { cron, timeZone, overlap, paused, task } = schedule
  return { cron, timeZone, overlap, paused, task }
}

/** Creates a schedule under a name that the reader enters. */
export function NewSchedule({ done, leave }: { done: (name: string) => void; leave: () => void }) {
  const [name, setName] = useState('')
  return (
    <ScheduleForm
      label="New schedule"
      name={name}
      setName={setName}
      base={NEW}
      done={() => done(name)}
      leave={leave}
    />
  )
}

/** Changes a schedule, or creates it if `setName` is given. */
export function ScheduleForm({
  name,
  setName,
  ...rest
}: {
  label: string
  name: string
  setName?: (name: string) => void
  base: Base<ScheduleRequest>
  done: () => void
  leave: () => void
}) {
  const path = `/v1/schedules/${encodeURIComponent(name)}`
  const read = async () => {
    const view = await request<ScheduleView>(path)
    return { version: view.version, definition: requestOf(view) }
  }
  return (
    <VersionedForm {...rest} path={path} read={read} pointers={POINTERS}>
      {(form) => (
        <>
          {setName !== undefined && (
            <TextField
              label="Name"
              note="Lower-case letters, digits, _ and -; you cannot change the name later."
              value={name}
              max={64}
              required
              set={setName}
              problem={form.at(NAME_POINTER)}
            />
          )}
          <When form={form} />
          <TaskFields form={taskOf(form)} />
        </>
      )}
    </VersionedForm>
  )
}

/** The task of each tick. */
function taskOf({ draft, change, at }: Drafted<ScheduleRequest>): Drafted<ScheduleRequest['task']> {
  const { task = { task: '' } } = draft
  return {
    draft: task,
    change: (name, value) => change('task', changed(task, name, value)),
    at: (pointer) => at(`/task${pointer}`),
  }
}

/** The expression with its next ticks, as the fleet computes them while the reader types. */
function When({ form }: { form: Drafted<ScheduleRequest> }) {
  const { cron = '', timeZone = '', overlap = 'allow', paused = false } = form.draft
  const zone = useSettled(timeZone) || 'UTC'
  const settled = useSettled(cron)
  const { value: ticks, error } = usePreview(settled, zone)
  const typed = problemsOf(error, TICK_POINTERS)
  // The preview judges what stands in the field now; the refusal is older.
  const problem = (pointer: string) => (settled === '' ? form.at(pointer) : typed.at(pointer))
  return (
    <>
      <TextField
        label="Cron expression"
        note="Minute, hour, day of the month, month, day of the week; with six fields the seconds come first."
        max={128}
        {...bound(form, 'cron')}
        problem={problem('/cron')}
      />
      <TextField
        label="Time zone"
        note="An IANA name such as Europe/Berlin; empty: UTC."
        max={64}
        choices={Intl.supportedValuesOf('timeZone')}
        {...bound(form, 'timeZone')}
        problem={problem('/timeZone')}
      />
      <div class="field" aria-live="polite">
        <h2>Next five ticks</h2>
        {ticks !== undefined && <Ticks ticks={ticks} timeZone={zone} />}
        {error !== undefined && <p>{typed.rest || 'Correct the expression or the time zone.'}</p>}
      </div>
      <ChoiceField
        label="If the task before has not ended"
        note="If the fleet was down during several ticks, it submits one task, for the last of them."
        of={OVERLAPS}
        {...bound(form, 'overlap')}
        value={overlap}
      />
      <ChoiceField
        label="The schedule"
        of={STATES}
        value={paused ? 'yes' : 'no'}
        set={(value) => form.change('paused', value === 'yes')}
        problem={form.at('/paused')}
      />
    </>
  )
}
