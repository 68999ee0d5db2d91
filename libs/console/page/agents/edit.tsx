import type { AgentView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { NamesField, TextField } from '../parts/forms/fields.tsx'
import { VersionedForm, type Base } from '../parts/forms/versioned.tsx'

type Definition = AgentView['definition']

const FIELDS = [
  { name: 'role', label: 'Role', max: 64 },
  { name: 'description', label: 'Description', max: 1_024 },
  { name: 'model', label: 'Model', max: 200 },
] as const
const POINTERS = ['/role', '/description', '/model', '/tools', '/systemPrompt']

/** Changes the definition of an agent, or defines it. */
export function EditAgent({
  name,
  base,
  done,
}: {
  name: string
  base: Base<Definition>
  done: () => void
}) {
  const path = `/v1/agents/${encodeURIComponent(name)}`
  return (
    <VersionedForm
      label={`Definition of ${name}`}
      path={path}
      base={base}
      read={() => request<AgentView>(path)}
      pointers={POINTERS}
      done={done}
      leave={done}
    >
      {(draft, change, at) => (
        <>
          {FIELDS.map(({ name: field, label, max }) => (
            <TextField
              key={field}
              label={label}
              value={draft[field] ?? ''}
              max={max}
              set={(text) => change(field, text)}
              problem={at(`/${field}`)}
            />
          ))}
          <NamesField
            label="Tools, with commas between them; empty: the built-in ones"
            names={draft.tools}
            set={(tools) => change('tools', tools)}
            problem={at('/tools')}
          />
          <TextField
            label="System prompt"
            value={draft.systemPrompt ?? ''}
            rows={8}
            max={32_768}
            set={(text) => change('systemPrompt', text)}
            problem={at('/systemPrompt')}
          />
        </>
      )}
    </VersionedForm>
  )
}
