import type { AgentList } from '@agentfleet/protocol'
import { useRead } from '../../api/load.ts'
import { TextField } from './fields.tsx'

/** The name of an agent; the browser offers the agents that the caller can use. */
export function AgentField(props: {
  label: string
  note?: string
  value: string | undefined
  set: (name: string) => void
  problem: string | undefined
}) {
  const { value: list } = useRead<AgentList>('/v1/agents')
  return <TextField {...props} max={64} choices={list?.agents.map(({ name }) => name)} />
}
