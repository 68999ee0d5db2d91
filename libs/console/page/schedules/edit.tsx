import { useState } from 'preact/hooks'
import type { ScheduleRequest, ScheduleView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { AgentField } from '../parts/forms/agent-field.tsx'
import { ChoiceField, NumberField, PRIORITIES, TextField } from '../parts/forms/fields.tsx'
import { problemsOf, type FormProblems } from '../parts/forms/problems.ts'
import { useSettled } from '../parts/forms/settled.ts'
import { changed, VersionedForm, type Base, type Change } from '../parts/forms/versioned.tsx'
import { Ticks, usePreview } from './preview.tsx'

type TaskOf = ScheduleRequest['task']

const NAME_POINTER = 'path/name'
const TASK_POINTERS = ['task', 'agent', 'model', 'priority', 'timeoutMs', 'maxAttempts', 'budget']
const TICK_POINTERS = ['/cron', '/timeZone']
const POINTERS = [
  NAME_POINTER,
  ...TICK_POINTERS,
  '/overlap',
  '/paused',
  ...TASK_POINTERS.map((name) => `/task/${name}`),
]
const MINUTE_MS = 60_000
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
export function requestOf({
  cron,
  timeZone,
  overlap,
  paused,
  task,
}: ScheduleView): ScheduleRequest {
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
      {(draft, change, at) => (
        <>
          {setName !== undefined && (
            <TextField
              label="Name"
              note="Lower-case letters, digits, _ and -; you cannot change the name later."
              value={name}
              max={64}
              required
              set={setName}
              problem={at(NAME_POINTER)}
            />
          )}
          <When draft={draft} change={change} at={at} />
          <What task={draft.task} set={(task) => change('task', task)} at={at} />
        </>
      )}
    </VersionedForm>
  )
}

/** The expression with its next ticks, as the fleet computes them while the reader types. */
function When({
  draft,
  change,
  at,
}: {
  draft: Partial<ScheduleRequest>
  change: Change<ScheduleRequest>
  at: FormProblems['at']
}) {
  const { cron = '', timeZone = '', overlap = 'allow', paused = false } = draft
  const zone = useSettled(timeZone) || 'UTC'
  const settled = useSettled(cron)
  const { value: ticks, error } = usePreview(settled, zone)
  const typed = problemsOf(error, TICK_POINTERS)
  // The preview judges what stands in the field now; the refusal is older.
  const problem = (pointer: string) => (settled === '' ? at(pointer) : typed.at(pointer))
  return (
    <>
      <TextField
        label="Cron expression"
        note="Minute, hour, day of the month, month, day of the week; with six fields the seconds come first."
        value={cron}
        max={128}
        set={(text) => change('cron', text)}
        problem={problem('/cron')}
      />
      <TextField
        label="Time zone"
        note="An IANA name such as Europe/Berlin; empty: UTC."
        value={timeZone}
        max={64}
        choices={Intl.supportedValuesOf('timeZone')}
        set={(text) => change('timeZone', text)}
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
        value={overlap}
        of={OVERLAPS}
        set={(value) => change('overlap', value)}
        problem={at('/overlap')}
      />
      <ChoiceField
        label="The schedule"
        value={paused ? 'yes' : 'no'}
        of={STATES}
        set={(value) => change('paused', value === 'yes')}
        problem={at('/paused')}
      />
    </>
  )
}

/** The task of each tick. Fields that the form does not have stay unchanged. */
function What({
  task,
  set,
  at,
}: {
  task: TaskOf
  set: (task: TaskOf) => void
  at: FormProblems['at']
}) {
  const change: Change<TaskOf> = (name, value) => set(changed(task, name, value))
  const { usd, ...budget } = task.budget ?? {}
  const setUsd = (most: number | undefined) => {
    const next = most === undefined ? budget : { ...budget, usd: most }
    change('budget', Object.keys(next).length === 0 ? undefined : next)
  }
  return (
    <>
      <TextField
        label="Task"
        value={task.task ?? ''}
        rows={4}
        max={131_072}
        set={(text) => change('task', text)}
        problem={at('/task/task')}
      />
      <AgentField
        label="Agent"
        note="Empty: the assistant, which has no definition."
        value={task.agent ?? ''}
        set={(name) => change('agent', name)}
        problem={at('/task/agent')}
      />
      <TextField
        label="Model"
        note="Empty: the model of the agent."
        value={task.model ?? ''}
        max={200}
        set={(text) => change('model', text)}
        problem={at('/task/model')}
      />
      <ChoiceField
        label="Priority"
        value={task.priority ?? 'medium'}
        of={PRIORITIES}
        set={(value) => change('priority', value)}
        problem={at('/task/priority')}
      />
      <NumberField
        label="Time limit, minutes"
        unit={MINUTE_MS}
        value={task.timeoutMs}
        set={(ms) => change('timeoutMs', ms)}
        problem={at('/task/timeoutMs')}
      />
      <NumberField
        label="Failed attempts before the task fails"
        value={task.maxAttempts}
        set={(attempts) => change('maxAttempts', attempts)}
        problem={at('/task/maxAttempts')}
      />
      <NumberField
        label="Budget of each task, USD"
        value={usd}
        set={setUsd}
        problem={at('/task/budget')}
      />
    </>
  )
}
