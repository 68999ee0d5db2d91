import type { AgentList } from '@agentfleet/protocol'
import { request } from '../../api/http.ts'
import { useLoad } from '../../api/load.ts'
import { TextField } from './fields.tsx'

/** The name of an agent; the browser offers the agents that the caller can use. */
export function AgentField(props: {
  label: string
  note?: string
  value: string
  set: (name: string) => void
  problem: string | undefined
}) {
  const { value: list } = useLoad('agents', (signal) =>
    request<AgentList>('/v1/agents', { signal }),
  )
  return <TextField {...props} max={64} choices={list?.agents.map(({ name }) => name)} />
}
