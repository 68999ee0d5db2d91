import { pastRuns } from '@agentfleet/domain'
import type { ScheduleRequest, ScheduleTicks, ScheduleView, TaskView } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { once, request } from '../api/http.ts'
import { useLoad, useRead } from '../api/load.ts'
import { may } from '../api/me.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { ListHeading } from '../parts/list-heading.tsx'
import { useAction } from '../parts/forms/action.ts'
import { Command, curl } from '../parts/command.tsx'
import { Facts } from '../parts/facts.tsx'
import { TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Record } from '../parts/record.tsx'
import { ListingTable } from '../parts/tables/listing.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Text } from '../parts/text.tsx'
import { Ago, Instant } from '../parts/time.tsx'
import { focusHeading } from '../parts/heading.ts'
import { linkTo, open, place } from '../shell/router.ts'
import { NewSchedule, requestOf, ScheduleForm } from './edit.tsx'
import { Ticks, usePreview } from './preview.tsx'

const EVERY_MS = 5_000

const COLUMNS: readonly Column<ScheduleView>[] = [
  {
    title: 'Schedule',
    of: ({ name }) => (
      <a href={linkTo('schedules', name)} title={name}>
        {name}
      </a>
    ),
  },
  { title: 'Cron', of: ({ cron, timeZone }) => <code>{`${cron} ${timeZone}`}</code> },
  { title: 'Next', of: ({ nextAt, paused }) => (paused ? 'paused' : <Ago at={nextAt} />) },
  { title: 'Last', of: ({ lastTickAt }) => <Ago at={lastTickAt} /> },
  {
    title: 'Last task',
    of: ({ lastTaskId }) => (lastTaskId === undefined ? '—' : <TaskLink id={lastTaskId} />),
  },
  { title: 'Last tick', of: ({ lastSkipped }) => skipped(lastSkipped) },
  { title: 'Task', kind: 'wide', of: ({ task }) => <bdi>{task.task}</bdi> },
]

/** The schedule of the command that an empty view shows. */
const EXAMPLE = { cron: '0 8 * * 1-5', task: { task: 'Write the daily report.' } }

function skipped(value: boolean | undefined): string {
  if (value === undefined) return '—'
  return value ? 'skipped, the task before had not ended' : 'submitted'
}

/** The view of the schedules: the next ticks, and the result of the last tick. */
export function Schedules() {
  return (
    <>
      <ListHeading title="Schedules" kind="schedule">
        {(how) => <NewSchedule {...how} />}
      </ListHeading>
      <ListingTable
        of="schedules"
        everyMs={EVERY_MS}
        caption="Schedules"
        columns={COLUMNS}
        keyOf={({ name }) => name}
        empty={
          <Command text={curl('PUT', '/v1/schedules/daily-report', EXAMPLE)}>
            You have no schedule. Create one above, or store one that runs at eight o’clock on every
            weekday:
          </Command>
        }
        end="This is the end of the list."
      />
    </>
  )
}

/** One schedule. */
export function Schedule({ id: name }: { id: string }) {
  const path = `/v1/schedules/${encodeURIComponent(name)}`
  const loaded = useRead<ScheduleView>(path, EVERY_MS)
  const { said, busy, act } = useAction()
  const pause = (schedule: ScheduleView) => {
    const { paused, version } = schedule
    const body: ScheduleRequest = { ...requestOf(schedule), paused: !paused }
    const send = async () => {
      // The request must not undo a change that another person has made since the page read the schedule.
      await request(path, { method: 'PUT', body, headers: { 'if-match': `"${version}"` } })
      loaded.reload()
    }
    return act(send, paused ? 'Resumed.' : 'Paused.')
  }
  const leave = () => {
    open('schedules', name)
    focusHeading()
  }
  const done = () => {
    loaded.reload()
    leave()
  }
  const editing = place.value.query['form'] === 'edit' && may('tasks:write')
  const run = () =>
    act(async () => {
      const sent = { method: 'POST', headers: once() } as const
      const task = await request<TaskView>(`${path}/run`, sent)
      open('tasks', task.id)
    })
  return (
    <Record kind="Schedule" name={name} view="schedules" loaded={loaded}>
      {(schedule) =>
        editing ? (
          <ScheduleForm
            label={`Schedule ${name}`}
            name={name}
            base={{ version: schedule.version, definition: requestOf(schedule) }}
            done={done}
            leave={leave}
          />
        ) : (
          <>
            <Facts
              of={[
                ['Cron', <code key="cron">{schedule.cron}</code>],
                ['Time zone', schedule.timeZone],
                ['Overlap', schedule.overlap],
                ['Next', schedule.paused ? 'paused' : <Instant key="next" at={schedule.nextAt} />],
                ['Last', schedule.lastTickAt && <Instant key="last" at={schedule.lastTickAt} />],
                ['Last tick', skipped(schedule.lastSkipped)],
                ['Last task', schedule.lastTaskId && <TaskLink id={schedule.lastTaskId} />],
              ]}
            />
            <Allowed scope="tasks:write" to="run or pause schedules">
              <p class="row">
                <Button act={() => open('schedules', name, { form: 'edit' })}>
                  Change the schedule
                </Button>
                <Button disabled={busy} act={run}>
                  Run it now
                </Button>
                <Button disabled={busy} act={() => pause(schedule)}>
                  {schedule.paused ? 'Resume' : 'Pause'} the schedule
                </Button>
                <span role="status">{said}</span>
              </p>
            </Allowed>
            <h2>Next five ticks</h2>
            <Preview schedule={schedule} />
            <h2>Last ticks and runs</h2>
            <LastTicks path={path} lastTickAt={schedule.lastTickAt} />
            <h2>Task</h2>
            <Text value={schedule.task} label="Task of the schedule" />
          </>
        )
      }
    </Record>
  )
}

/** The next ticks, as the fleet computes them. */
function Preview({ schedule: { cron, timeZone, nextAt } }: { schedule: ScheduleView }) {
  const loaded = usePreview(cron, timeZone, nextAt)
  return (
    <Panel loaded={loaded}>{(ticks) => <Ticks ticks={ticks ?? []} timeZone={timeZone} />}</Panel>
  )
}

type Tick = ReturnType<
  typeof pastRuns<ScheduleTicks['last'][number], ScheduleTicks['manual'][number]>
>[number]

const TICK_COLUMNS: readonly Column<Tick>[] = [
  { title: 'Time', of: ({ at }) => <Instant at={at} /> },
  {
    title: 'Task',
    of: (run) =>
      run.taskId === undefined ? (
        skipped('skipped' in run && run.skipped)
      ) : (
        <TaskLink id={run.taskId} />
      ),
  },
  { title: 'Started by', of: ({ by }) => <bdi>{by}</bdi> },
  {
    title: 'State',
    kind: 'wide',
    of: ({ state }) => (state === undefined ? '—' : <StateMark state={state} />),
  },
]

/** The last ticks, the runs that people started, and what became of their tasks. */
function LastTicks({ path, lastTickAt }: { path: string; lastTickAt: string | undefined }) {
  const loaded = useLoad(
    `${path} ticks ${lastTickAt}`,
    (signal) => request<ScheduleTicks>(`${path}/ticks`, { signal }),
    EVERY_MS,
  )
  return (
    <Panel loaded={loaded}>
      {(ticks) => (
        <Table
          caption="Last ticks and runs"
          columns={TICK_COLUMNS}
          rows={pastRuns(ticks)}
          keyOf={({ at, taskId }) => `${at} ${taskId}`}
          empty="No task of the last ten ticks is stored, and nobody has run the schedule."
        />
      )}
    </Panel>
  )
}
