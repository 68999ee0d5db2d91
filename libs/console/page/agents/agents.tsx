import type { AgentList, AgentSummary, AgentView, ToolList, ToolView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { count } from '../format/format.ts'
import { Facts } from '../parts/facts.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo } from '../shell/router.ts'

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

/** The newest version of one agent. */
export function Agent({ name }: { name: string }) {
  const loaded = useLoad(
    `agent ${name}`,
    (signal) => request<AgentView>(`/v1/agents/${encodeURIComponent(name)}`, { signal }),
    EVERY_MS,
  )
  return (
    <>
      <h1 tabIndex={-1}>Agent {name}</h1>
      <p>
        <a href={linkTo('agents')}>All agents</a>
      </p>
      <Panel loaded={loaded}>
        {({ version, builtIn, updatedAt, definition }) => (
          <>
            <Facts
              of={[
                ['Version', version],
                ['Source', builtIn ? 'built in' : 'your own'],
                ['Changed', updatedAt && <Instant key="at" at={updatedAt} />],
                ['Role', definition.role],
                ['Model', definition.model],
                ['Fallbacks', definition.fallbackModels?.join(', ')],
                ['Tools', definition.tools?.join(', ')],
              ]}
            />
            {definition.systemPrompt !== undefined && (
              <>
                <h2>System prompt</h2>
                <Text value={definition.systemPrompt} label="System prompt" />
              </>
            )}
            <h2>Definition</h2>
            <Text value={definition} label="Definition" />
          </>
        )}
      </Panel>
    </>
  )
}
