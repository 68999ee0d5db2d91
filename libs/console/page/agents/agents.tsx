import { useState } from 'preact/hooks'
import type { AgentList, AgentSummary, ToolList, ToolView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { count } from '../format/format.ts'
import { Allowed } from '../parts/allowed.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo, open } from '../shell/router.ts'

const EVERY_MS = 15_000

const AGENTS: readonly Column<AgentSummary>[] = [
  { title: 'Agent', of: ({ name }) => <a href={linkTo('agents', name)}>{name}</a> },
  { title: 'Version', kind: 'number', of: ({ version }) => version },
  { title: 'Source', of: ({ builtIn }) => (builtIn ? 'built in' : 'your own') },
  { title: 'Model', of: ({ model }) => model ?? '—' },
  { title: 'Changed', of: ({ updatedAt }) => <Instant at={updatedAt} /> },
  { title: 'Description', kind: 'wide', of: ({ description, role }) => description ?? role ?? '—' },
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
  const agents = useLoad(
    'agents',
    (signal) => request<AgentList>('/v1/agents', { signal }),
    EVERY_MS,
  )
  const tools = useLoad('tools', (signal) => request<ToolList>('/v1/tools', { signal }), EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Agents</h1>
      <Panel loaded={agents}>
        {(list) => (
          <Table
            caption="Agents"
            columns={AGENTS}
            rows={list.agents}
            keyOf={({ name }) => name}
            empty="No agent is defined. Define one with PUT /v1/agents/{name}."
          />
        )}
      </Panel>
      <Allowed scope="agents:write" to="define agents">
        <NewAgent />
      </Allowed>
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
