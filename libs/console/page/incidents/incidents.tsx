import { count, duration, plural } from '@agentfleet/domain'
import type { IncidentView } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { ChoiceFilter } from '../parts/filters/choice.tsx'
import { Facts } from '../parts/facts.tsx'
import { Typed } from '../parts/filters/field.tsx'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { ListingTable } from '../parts/tables/listing.tsx'
import { Record } from '../parts/record.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Ago, Instant } from '../parts/time.tsx'
import { linkTo, place } from '../shell/router.ts'
import { Axis } from './axis.tsx'
import { sinceWords } from './places.ts'
import { stagesOf } from './stages.ts'

const EVERY_MS = 3_000
/** Task ids that the page lists; the count is always shown. */
const TASKS_SHOWN = 50

const COLUMNS: readonly Column<IncidentView>[] = [
  { title: 'Incident', of: ({ id, reason }) => <a href={linkTo('incidents', id)}>{reason}</a> },
  { title: 'State', of: ({ state }) => state },
  { title: 'Node', of: ({ nodeId }) => <NodeLink id={nodeId} /> },
  { title: 'Detected', of: ({ detectedAtMs }) => <Ago at={detectedAtMs} /> },
  { title: 'Tasks held', kind: 'number', of: ({ tasks }) => count(tasks) },
  { title: 'Given back', kind: 'number', of: ({ redistributed }) => count(redistributed) },
  {
    title: 'Action',
    of: ({ action }) => (action === undefined ? '—' : `${action.kind}, ${action.outcome}`),
  },
  {
    title: 'Outcome',
    kind: 'wide',
    of: ({ outcome }) => (outcome === undefined ? '—' : `${outcome.kind}: ${outcome.reason}`),
  },
]

/** The view of the incidents: which nodes failed, and whether each incident is closed. */
export function Incidents() {
  const { state, node } = place.value.query
  return (
    <>
      <h1 tabIndex={-1}>Incidents</h1>
      <ChoiceFilter name="state" label="State" all="all" of={['open', 'closed']} />
      <div class="row filters" role="search" aria-label="Filters of the incidents">
        <Typed name="node" label="Node" />
      </div>
      <ListingTable
        of="incidents"
        query={{ state, node }}
        everyMs={EVERY_MS}
        caption="Incidents, newest first"
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={
          state === undefined && node === undefined
            ? 'No node has failed in the last seven days.'
            : 'No incident matches.'
        }
        end="This is the end: the list has the latest 500 incidents."
      />
    </>
  )
}

/** One incident, from silence to outcome. */
export function Incident({ id }: { id: string }) {
  const loaded = useRead<IncidentView>(`/v1/incidents/${encodeURIComponent(id)}`, EVERY_MS)
  return (
    <Record kind="Incident" view="incidents" loaded={loaded}>
      {(incident) => <Details incident={incident} />}
    </Record>
  )
}

function Details({ incident }: { incident: IncidentView }) {
  const { analysis, taskIds = [], suspectTasks = [] } = incident
  const stages = stagesOf(incident)
  const startMs = stages[0]?.atMs ?? incident.detectedAtMs
  return (
    <>
      <p class="headline">
        <strong>{incident.state}</strong> {incident.reason}
      </p>
      <Facts
        of={[
          ['Node', <NodeLink key="node" id={incident.nodeId} />],
          ['Host', incident.host],
          ['Incarnation', incident.incarnation],
          [
            'Had run for',
            incident.uptimeMs === undefined ? undefined : duration(incident.uptimeMs),
          ],
          ['Tasks held', count(incident.tasks)],
          ['Given back', count(incident.redistributed)],
          ['Strategy', analysis?.strategy],
          [
            'Prevention',
            analysis && analysis.prevention.length > 0 ? analysis.prevention.join('; ') : undefined,
          ],
        ]}
      />
      <h2>What happened</h2>
      <Axis stages={stages} />
      <Table
        caption="Stages"
        columns={[
          { title: 'Stage', of: ({ name }) => name },
          { title: 'At', of: ({ atMs }) => <Instant at={atMs} /> },
          { title: 'Reached', of: (stage) => sinceWords(stage, stages[stages.indexOf(stage) - 1]) },
          { title: 'In all', kind: 'number', of: ({ atMs }) => duration(atMs - startMs) },
          { title: 'Detail', kind: 'wide', of: ({ detail }) => detail },
        ]}
        rows={stages}
        keyOf={({ name }) => name}
        empty="No stage is recorded."
      />
      {taskIds.length > 0 && <h2>{plural(taskIds.length, 'task')} on the node</h2>}
      <p class="row">
        {taskIds.slice(0, TASKS_SHOWN).map((each) => (
          <span key={each}>
            <TaskLink id={each} />
            {suspectTasks.includes(each) && ' (suspect)'}
          </span>
        ))}
        {taskIds.length > TASKS_SHOWN && (
          <span class="muted">and {plural(taskIds.length - TASKS_SHOWN, 'task')} more</span>
        )}
      </p>
    </>
  )
}
