import { useEffect } from 'preact/hooks'
import { costText, count, duration, UNKNOWN } from '@agentfleet/domain'
import type { DecisionPage, FleetView, IncidentPage, TaskPage } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad, useRead } from '../api/load.ts'
import { POLLED_EVERY_MS, STREAMED_EVERY_MS } from '../api/socket.ts'
import { rate } from '../format/format.ts'
import { NoNodes } from '../fleet/node.tsx'
import { nodeColumns } from '../fleet/nodes.ts'
import { Chart } from '../parts/chart.tsx'
import { Facts, Figures } from '../parts/facts.tsx'
import { ratesOf } from '../parts/line.ts'
import { NodeLink } from '../parts/links.tsx'
import { NodeMark, StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Ago } from '../parts/time.tsx'
import { linkTo } from '../shell/router.ts'
import { boundOf, STATES } from '../tasks/filters.ts'
import { lookOf, nodesByState } from './health.ts'
import { OwnWork } from './own-work.tsx'
import { useStats, type StatsFrame } from './use-stats.ts'

const LISTS_EVERY_MS = 5_000
/** Decisions on the first view. */
const DECISIONS_SHOWN = 5
const NO_NODES = nodeColumns([])

/** The first view says whether work flows. */
export function Now() {
  const stats = useStats()
  const fleet = useRead<FleetView>(
    '/v1/fleet?nodes=columns',
    stats === undefined ? POLLED_EVERY_MS : STREAMED_EVERY_MS,
  )
  const { reload } = fleet
  // A changed status, and a node that changes its state, are shown at once.
  const states = stats && [stats.fleet.status, ...Object.values(stats.fleet.nodes)].join(' ')
  useEffect(reload, [states, reload])
  const lists = useLoad('now-lists', readLists, LISTS_EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Now</h1>
      <Panel loaded={fleet}>
        {(seen) => (
          <>
            <Flow fleet={{ ...seen, ...stats?.fleet, status: seen.status, nodes: [] }} />
            {stats?.tasks && <OwnStates tasks={stats.tasks} />}
          </>
        )}
      </Panel>
      <OwnWork />
      <Panel loaded={lists}>{(value) => <Recent lists={value} />}</Panel>
    </>
  )
}

async function readLists(signal: AbortSignal) {
  const [incidents, decisions, waiting] = await Promise.all([
    request<IncidentPage>('/v1/incidents?state=open', { signal }),
    request<DecisionPage>('/v1/decisions?limit=50', { signal }),
    request<TaskPage>('/v1/tasks?waitingKind=approval&state=waiting&limit=100', { signal }),
  ])
  return {
    incidents: incidents.incidents,
    decisions: decisions.decisions.filter(({ acted }) => acted).slice(0, DECISIONS_SHOWN),
    // Tasks that wait for a person, and whether there are more.
    approvals: waiting.tasks.length,
    moreApprovals: waiting.nextCursor !== undefined,
  }
}

function Flow({ fleet }: { fleet: FleetView }) {
  const { totals, history, nodeColumns: nodes = NO_NODES } = fleet
  const slots = totals?.slots
  const series = (value: (each: FleetView['history'][number]) => number) =>
    history.map((each) => ({ atMs: each.atMs, value: value(each) }))
  return (
    <>
      <p class={`health ${lookOf(fleet.status)}`}>{fleet.explanation}</p>
      <Figures
        of={[
          [
            'Running',
            slots === undefined
              ? count(fleet.running)
              : `${count(fleet.running)} of ${count(slots)}`,
            'slots, tasks of all tenants',
          ],
          ['Queued', count(fleet.queued), 'tasks of all tenants that wait for a node'],
          ['Oldest wait', duration(fleet.oldestWaitingMs), 'of your queued tasks'],
          [
            'Cost today',
            fleet.llmCallsToday === undefined
              ? UNKNOWN
              : costText({
                  llmCalls: fleet.llmCallsToday,
                  costUsd: fleet.costTodayUsd,
                  unpricedCalls: fleet.unpricedCallsToday,
                }),
            'of your tasks, UTC day',
          ],
        ]}
      />
      <p class="row">
        {Object.entries(nodesByState(nodes)).map(([state, number]) => (
          <a key={state} class="counted" href={linkTo('fleet')}>
            {count(number)} <NodeMark state={state} />
          </a>
        ))}
      </p>
      {nodes.id.length === 0 && <NoNodes />}
      {history.length > 1 && (
        <div class="charts">
          <Chart title="Running" points={series(({ running }) => running)} />
          <Chart title="Queued" points={series(({ queued }) => queued)} />
          <Chart
            title="Attempts completed"
            points={ratesOf(series(({ completed }) => completed))}
            write={rate}
          />
          <Chart
            title="Attempts failed"
            points={ratesOf(series(({ failed }) => failed))}
            write={rate}
          />
        </div>
      )}
    </>
  )
}

/** The caller's tasks by state, each with the way to their list. */
function OwnStates({ tasks }: { tasks: NonNullable<StatsFrame['tasks']> }) {
  return (
    <p class="row">
      Your tasks:
      {STATES.map((state) => (
        <a key={state} class="counted" href={linkTo('tasks', undefined, { state })}>
          {boundOf(tasks, state)}
          {count(tasks[state])} <StateMark state={state} />
        </a>
      ))}
    </p>
  )
}

function Recent({ lists }: { lists: Awaited<ReturnType<typeof readLists>> }) {
  const { incidents, decisions, approvals, moreApprovals } = lists
  return (
    <>
      <Facts
        of={[
          [
            'Approvals',
            <a key="approvals" href={linkTo('approvals')}>
              {approvals === 0 && !moreApprovals
                ? 'No task waits for a person.'
                : `${moreApprovals ? '≥ ' : ''}${count(approvals)} waiting`}
            </a>,
          ],
        ]}
      />
      <h2>Open incidents</h2>
      {incidents.length === 0 && <p class="empty">No incident is open.</p>}
      <ul class="plain">
        {incidents.map(({ id, nodeId, reason, detectedAtMs }) => (
          <li key={id}>
            <Ago at={detectedAtMs} /> <NodeLink id={nodeId} />{' '}
            <a href={linkTo('incidents', id)}>{reason}</a>
          </li>
        ))}
      </ul>
      <h2>Last actions of the control plane</h2>
      {decisions.length === 0 && (
        <p class="empty">None of the recent decisions led to an action.</p>
      )}
      <ul class="plain">
        {decisions.map(({ id, kind, reason, service, atMs }) => (
          <li key={id}>
            <Ago at={atMs} /> <a href={linkTo('decisions', id)}>{kind}</a>{' '}
            <span class="muted">{service}</span> {reason}
          </li>
        ))}
      </ul>
    </>
  )
}
