import { useState } from 'preact/hooks'
import { costText, count, DAY_MS, percent, UNKNOWN } from '@agentfleet/domain'
import type { AgentList, AgentSummary, TaskSeries, ToolList, ToolView } from '@agentfleet/protocol'
import { nowMs, request } from '../api/http.ts'
import { useLoad, useRead } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { Panel } from '../parts/panel.tsx'
import { LongTable } from '../parts/tables/long-table.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import type { WideColumn } from '../parts/tables/virtual-table.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo, open } from '../shell/router.ts'
import { behaviourOf, type Behaviour } from './behaviour.ts'

const EVERY_MS = 15_000

const FIGURES_EVERY_MS = 60_000

const AGENTS: readonly WideColumn<AgentSummary>[] = [
  {
    title: 'Agent',
    width: 180,
    of: ({ name }) => (
      <a href={linkTo('agents', name)} title={name}>
        {name}
      </a>
    ),
  },
  { title: 'Version', width: 72, kind: 'number', of: (one) => (one.builtIn ? '—' : one.version) },
  { title: 'Source', width: 90, of: ({ builtIn }) => (builtIn ? 'built-in' : 'your own') },
  { title: 'Model', width: 140, of: ({ model }) => model ?? '—' },
  { title: 'Changed', width: 216, of: ({ updatedAt }) => <Instant at={updatedAt} /> },
  { title: 'Description', kind: 'wide', of: ({ description, role }) => description ?? role ?? '—' },
]
const BEHAVIOUR: readonly Column<Behaviour>[] = [
  {
    title: 'Agent',
    of: ({ agent }) => (
      <a href={linkTo('tasks', undefined, { agent })}>
        <bdi>{agent}</bdi>
      </a>
    ),
  },
  { title: 'Completed', kind: 'number', of: ({ completed }) => count(completed) },
  {
    title: 'Failed',
    kind: 'number',
    of: ({ agent, failed }) =>
      failed === 0 ? (
        '0'
      ) : (
        <a href={linkTo('tasks', undefined, { agent, state: 'failed' })}>{count(failed)}</a>
      ),
  },
  { title: 'Success', kind: 'number', of: ({ success }) => percent(success) },
  { title: 'Attempts repeated', kind: 'number', of: ({ retried }) => count(retried) },
  { title: 'LLM calls', kind: 'number', of: ({ llmCalls }) => count(llmCalls) },
  { title: 'Cost', kind: 'number', of: costText },
  {
    title: 'Cost a task',
    kind: 'number',
    of: ({ usdPerTask: costUsd, ...row }) =>
      costUsd === undefined ? UNKNOWN : costText({ ...row, costUsd }),
  },
]
const TOOLS: readonly Column<ToolView>[] = [
  { title: 'Tool', of: ({ name }) => name },
  { title: 'Source', of: ({ source }) => source },
  { title: 'Needs approval', of: ({ approval }) => (approval ? 'yes' : 'no') },
  { title: 'Nodes', kind: 'number', of: ({ nodes }) => count(nodes) },
  { title: 'Description', kind: 'wide', of: ({ description }) => description },
]

/** The agents that tasks can name, and the tools that agents can name. */
export function Agents() {
  const agents = useRead<AgentList>('/v1/agents', EVERY_MS)
  const figures = useLoad(
    'agent figures',
    (signal) => {
      const from = new Date(nowMs() - DAY_MS).toISOString()
      const path = withQuery('/v1/stats', { groupBy: 'agent', step: '1h', from })
      return request<TaskSeries>(path, { signal })
    },
    FIGURES_EVERY_MS,
  )
  const tools = useRead<ToolList>('/v1/tools', EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Agents</h1>
      <Panel loaded={agents}>
        {(list) => (
          <LongTable
            caption="Agents"
            columns={AGENTS}
            rows={list.agents}
            keyOf={({ name }) => name}
            empty="No agent is defined. Define one below."
          />
        )}
      </Panel>
      <Allowed scope="agents:write" to="define agents">
        <NewAgent />
      </Allowed>
      <h2>Tasks by agent, last 24 hours</h2>
      <Panel loaded={figures}>
        {(stats) => (
          <Table
            caption="Agents by their tasks of the last 24 hours"
            columns={BEHAVIOUR}
            rows={behaviourOf(stats)}
            keyOf={({ agent }) => agent}
            empty="No task ended or made an LLM call in the last 24 hours."
          />
        )}
      </Panel>
      <h2>Tools</h2>
      <Panel loaded={tools}>
        {(list) => (
          <Table
            caption="Tools"
            columns={TOOLS}
            rows={list.tools}
            keyOf={({ name }) => name}
            empty="No node offers a tool."
          />
        )}
      </Panel>
    </>
  )
}

function NewAgent() {
  const [name, setName] = useState('')
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        if (name.trim() !== '') open('agents', name.trim())
      }}
    >
      <label>
        Name of another agent{' '}
        <input
          value={name}
          maxLength={64}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <button type="submit">Define it</button>
    </form>
  )
}
