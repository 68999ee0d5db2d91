import { costText, count, duration } from '@agentfleet/domain'
import type { QueueList, TaskSeries } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { Chart } from '../parts/chart.tsx'
import { Figures } from '../parts/facts.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Ago } from '../parts/time.tsx'
import { pointsOf, sumOf } from './series.ts'

const EVERY_MS = 10_000
/** The last hour in steps of a minute. */
const SERIES = '/v1/stats?step=1m'
const QUEUES = '/v1/queues'

const COLUMNS: readonly Column<QueueList['queues'][number]>[] = [
  { title: 'Priority', of: ({ priority }) => priority },
  { title: 'Waiting', kind: 'number', of: ({ waiting }) => count(waiting) },
  { title: 'In flight', kind: 'number', of: ({ inFlight }) => count(inFlight) },
  { title: 'Retrying', kind: 'number', of: ({ retrying }) => count(retrying) },
  { title: 'Oldest since', kind: 'number', of: (queue) => <Ago at={queue.oldestQueuedAt} /> },
]

/** What happened to the caller's tasks in the last hour, and which tasks wait now. */
export function OwnWork() {
  const series = useRead<TaskSeries>(SERIES, EVERY_MS)
  const queues = useRead<QueueList>(QUEUES, EVERY_MS)
  return (
    <>
      <h2>Your tasks in the last hour</h2>
      <Panel loaded={series}>{(value) => <LastHour series={value} />}</Panel>
      <Panel loaded={queues}>
        {({ queues: list }) =>
          list.length > 0 && (
            <Table
              caption="Your queues"
              columns={COLUMNS}
              rows={list}
              keyOf={({ tenant, priority }) => `${tenant} ${priority}`}
            />
          )
        }
      </Panel>
    </>
  )
}

function LastHour({ series }: { series: TaskSeries }) {
  if (series.series.length === 0) {
    return <p class="empty">Nothing happened to your tasks in the last hour.</p>
  }
  const total = (value: Parameters<typeof sumOf>[1]) => sumOf(series, value)
  return (
    <>
      <Figures
        of={[
          ['Submitted', count(total(({ submitted }) => submitted))],
          ['Completed', count(total(({ completed }) => completed))],
          ['Failed', count(total(({ failed }) => failed))],
          [
            'Cost',
            costText({
              llmCalls: total(({ llmCalls }) => llmCalls),
              costUsd: total(({ costUsd }) => costUsd),
              unpricedCalls: total(({ unpricedCalls }) => unpricedCalls),
            }),
            'of these tasks',
          ],
        ]}
      />
      <div class="charts">
        <Chart
          title="Submitted a minute"
          points={pointsOf(series, ({ submitted }) => submitted, 0)}
        />
        <Chart
          title="Completed a minute"
          points={pointsOf(series, ({ completed }) => completed, 0)}
        />
        <Chart title="Failed a minute" points={pointsOf(series, ({ failed }) => failed, 0)} />
        <Chart
          title="Wait for a node, p99"
          points={pointsOf(series, ({ waitMs }) => waitMs?.p99, undefined)}
          write={duration}
        />
      </div>
    </>
  )
}
