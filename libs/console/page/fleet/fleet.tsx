import type {
  DecisionPage,
  FleetView,
  IncidentPage,
  NodeColumns,
  NodeDetail,
  NodeView,
} from '@agentfleet/protocol'
import { useMemo } from 'preact/hooks'
import { bytes, count, duration, percent } from '@agentfleet/domain'
import { request } from '../api/http.ts'
import { useLoad, useRead } from '../api/load.ts'
import { nodesByState, shownState } from '../now/health.ts'
import { Facts } from '../parts/facts.tsx'
import { NodeLink } from '../parts/links.tsx'
import { NodeMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Record } from '../parts/record.tsx'
import { Select } from '../parts/filters/select.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Ago, Instant } from '../parts/time.tsx'
import { VirtualTable, type WideColumn } from '../parts/tables/virtual-table.tsx'
import { linkTo, place, setQuery } from '../shell/router.ts'
import { Cells } from './cells.tsx'
import { FILLS, type Fill } from './load-step.ts'
import { NodeDrain, NodeTasks, NoNodes } from './node.tsx'
import { rowsOf, type NodeFigures } from './nodes.ts'
import { useFleet } from './use-fleet.ts'

const EVERY_MS = 2_000
/** Records about a node that its page lists. */
const RECORDS_SHOWN = 20

const NODES: readonly WideColumn<NodeFigures>[] = [
  { title: 'Node', of: ({ id }) => <NodeLink id={id} /> },
  { title: 'State', width: 100, of: (node) => <NodeMark state={stateOf(node)} /> },
  {
    title: 'Slots used',
    width: 90,
    kind: 'number',
    of: ({ active, slots }) => `${active} of ${slots}`,
  },
  { title: 'Waiting there', width: 110, kind: 'number', of: ({ queued }) => count(queued) },
  { title: 'CPU', width: 64, kind: 'number', of: ({ cpu }) => percent(cpu) },
  { title: 'Memory', width: 80, kind: 'number', of: ({ memory }) => percent(memory) },
  { title: 'Loop delay', width: 96, kind: 'number', of: ({ lagMs }) => duration(lagMs) },
  { title: 'Mean attempt', width: 116, kind: 'number', of: (node) => duration(node.responseMs) },
  { title: 'Completed', width: 96, kind: 'number', of: ({ completed }) => count(completed) },
  { title: 'Failed', width: 80, kind: 'number', of: ({ failed }) => count(failed) },
  { title: 'Heartbeat', width: 96, kind: 'number', of: (node) => duration(node.heartbeatAgeMs) },
]

const stateOf = ({ state, draining }: NodeFigures) => shownState(state, draining)

type Provider = FleetView['providers'][number]
const PROVIDERS: readonly Column<Provider>[] = [
  { title: 'Model', of: ({ model }) => model },
  { title: 'Provider', of: ({ provider }) => provider },
  { title: 'Breaker', of: ({ breaker }) => breaker },
  {
    title: 'Paused for',
    kind: 'number',
    of: ({ closedForMs }) => (closedForMs === 0 ? '—' : duration(closedForMs)),
  },
  { title: 'Calls', kind: 'number', of: ({ calls }) => count(calls) },
  { title: 'First token', kind: 'number', of: ({ firstTokenMs }) => duration(firstTokenMs) },
  {
    title: 'Last error',
    of: ({ lastError }) => lastError && `${lastError.kind}, ${duration(lastError.agoMs)} ago`,
  },
  { title: 'Learned', kind: 'wide', of: ({ learned }) => learned.join(', ') },
]

/** The view of all nodes shows which node differs from the others. */
export function Fleet() {
  const { loaded, nodes } = useFleet()
  return (
    <>
      <h1 tabIndex={-1}>Fleet</h1>
      <Panel loaded={loaded}>
        {({ explanation, providers, balancers, monitor, observedAt }) => (
          <>
            <p>{explanation}</p>
            {nodes.id.length === 0 ? <NoNodes /> : <Nodes nodes={nodes} />}
            <h2>Models of the providers</h2>
            <Table
              caption="Models of the providers"
              columns={PROVIDERS}
              rows={providers}
              keyOf={({ provider, model }) => `${provider} ${model}`}
              empty="The nodes have not called a model recently."
            />
            <Facts
              of={[
                ['Observed', observedAt && <Ago key="at" at={observedAt} />],
                ['Observed by', monitor],
                [
                  'Balancers',
                  balancers.length === 0
                    ? 'none'
                    : balancers
                        .map(({ id, room }) => `${id} ${room ? '' : '(no room)'}`)
                        .join(', '),
                ],
              ]}
            />
          </>
        )}
      </Panel>
    </>
  )
}

function Nodes({ nodes }: { nodes: NodeColumns }) {
  const rows = useMemo(() => rowsOf(nodes), [nodes])
  const fill: Fill = FILLS.find((each) => each === place.value.query['fill']) ?? 'load'
  return (
    <>
      <p class="row">
        <label>
          Colour shows{' '}
          <Select
            value={fill}
            of={FILLS.map((each) => [each, each] as const)}
            choose={(chosen) => setQuery({ fill: chosen === 'load' ? undefined : chosen })}
          />
        </label>
        {Object.entries(nodesByState(nodes)).map(([state, number]) => (
          <span key={state}>
            {count(number)} <NodeMark state={state} />
          </span>
        ))}
      </p>
      <Cells nodes={nodes} fill={fill} />
      <VirtualTable caption="Nodes" columns={NODES} rows={rows} keyOf={({ id }) => id} />
    </>
  )
}

/** One node: its figures, and the records about it. */
export function FleetNode({ id }: { id: string }) {
  const path = `/v1/fleet/nodes/${encodeURIComponent(id)}`
  const loaded = useRead<NodeDetail>(path, EVERY_MS)
  const records = useLoad(`node ${id}`, (signal) => readRecords(id, signal), EVERY_MS * 5)
  return (
    <>
      <Record
        kind="Node"
        name={id}
        view="fleet"
        loaded={loaded}
        missing="The node has never reported, or it has died: a node that starts again gets a new name."
      >
        {(detail) => (
          <>
            <NodeFacts node={detail.node} />
            <NodeDrain node={detail.node} changed={loaded.reload} />
            <NodeTasks detail={detail} />
          </>
        )}
      </Record>
      <Panel loaded={records}>
        {({ incidents, decisions }) => (
          <>
            <h2>Incidents</h2>
            {incidents.length === 0 && <p class="empty">No incident of this node is kept.</p>}
            <ul class="plain">
              {incidents.map((each) => (
                <li key={each.id}>
                  <Ago at={each.detectedAtMs} /> {each.state}{' '}
                  <a href={linkTo('incidents', each.id)}>{each.reason}</a>
                </li>
              ))}
            </ul>
            <h2>Decisions about it</h2>
            {decisions.length === 0 && <p class="empty">No recent decision is about this node.</p>}
            <ul class="plain">
              {decisions.map((each) => (
                <li key={each.id}>
                  <Ago at={each.atMs} /> <a href={linkTo('decisions', each.id)}>{each.kind}</a>{' '}
                  {each.reason}
                </li>
              ))}
            </ul>
          </>
        )}
      </Panel>
    </>
  )
}

function NodeFacts({ node }: { node: NodeView }) {
  return (
    <Facts
      of={[
        ['State', <NodeMark key="state" state={stateOf(node)} />],
        ['Slots used', `${node.active} of ${node.slots}`],
        ['Waiting there', count(node.queued)],
        ['CPU', percent(node.cpu)],
        ['Memory', `${percent(node.memory)}, ${bytes(node.memoryBytes)}`],
        ['Loop delay', duration(node.lagMs)],
        ['Mean attempt', duration(node.responseMs)],
        ['Completed', `${count(node.completed)} attempts`],
        ['Failed', `${count(node.failed)} attempts`],
        ['Started', <Instant key="started" at={node.startedAt} />],
        ['Incarnation', node.incarnation],
        ['Heartbeat', `${duration(node.heartbeatAgeMs)} old`],
        [
          'Consul',
          node.passing === undefined ? undefined : node.passing ? 'passing' : 'not passing',
        ],
      ]}
    />
  )
}

async function readRecords(id: string, signal: AbortSignal) {
  const name = encodeURIComponent(id)
  const [incidents, decisions] = await Promise.all([
    request<IncidentPage>(`/v1/incidents?node=${name}&limit=${RECORDS_SHOWN}`, { signal }),
    request<DecisionPage>(`/v1/decisions?about=${name}&limit=${RECORDS_SHOWN}`, { signal }),
  ])
  return { ...incidents, ...decisions }
}
