import type { HistoryEvent, TaskHistory } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { NodeLink } from '../parts/links.tsx'
import { Panel } from '../parts/panel.tsx'
import { Text } from '../parts/text.tsx'
import { Instant } from '../parts/time.tsx'
import { VirtualTable, type WideColumn } from '../parts/tables/virtual-table.tsx'
import { linkTo, place } from '../shell/router.ts'
import { eventWords } from './words.ts'

/** The stored events as rows; the chosen one is read whole, because its answer may be large. */
export function Events({ id, events }: { id: string; events: readonly HistoryEvent[] }) {
  const chosen = Number(place.value.query['event'] ?? Number.NaN)
  const columns: readonly WideColumn<HistoryEvent>[] = [
    {
      title: 'Event',
      width: 170,
      of: ({ seq, type }) => (
        <a href={linkTo('tasks', id, { tab: 'events', event: String(seq) })}>{type}</a>
      ),
    },
    { title: 'Sequence', width: 100, kind: 'number', of: ({ seq }) => seq },
    { title: 'At', width: 200, of: ({ atMs }) => <Instant at={atMs} /> },
    { title: 'Attempt', width: 80, kind: 'number', of: ({ attempt }) => attempt ?? '—' },
    { title: 'Node', width: 120, of: ({ node }) => <NodeLink id={node} /> },
    { title: 'What', kind: 'wide', of: (event) => <bdi>{eventWords(event)}</bdi> },
  ]
  if (events.length === 0) return <p class="empty">No event is stored.</p>
  return (
    <>
      {Number.isInteger(chosen) && <WholeEvent key={chosen} id={id} seq={chosen} />}
      <VirtualTable
        caption="Stored events, oldest first"
        columns={columns}
        rows={events}
        keyOf={({ seq }) => String(seq)}
      />
    </>
  )
}

function WholeEvent({ id, seq }: { id: string; seq: number }) {
  const path = withQuery(`/v1/tasks/${encodeURIComponent(id)}/events`, { after: seq - 1, limit: 1 })
  const loaded = useRead<TaskHistory>(path)
  return (
    <section>
      <h2>Event {seq}</h2>
      <Panel loaded={loaded}>
        {({ events: [event] }) =>
          event?.seq === seq ? (
            <Text value={event} label={`Event ${seq}`} />
          ) : (
            <p class="empty">The task has no event {seq}.</p>
          )
        }
      </Panel>
    </section>
  )
}
