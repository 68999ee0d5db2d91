import type { AgentView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { bound } from '../parts/forms/drafted.ts'
import { NamesField, TextField } from '../parts/forms/fields.tsx'
import { VersionedForm, type Base } from '../parts/forms/versioned.tsx'

type Definition = AgentView['definition']

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
      {(form) => (
        <>
          <TextField label="Role" max={64} {...bound(form, 'role')} />
          <TextField label="Description" max={1_024} {...bound(form, 'description')} />
          <TextField label="Model" max={200} {...bound(form, 'model')} />
          <NamesField
            label="Tools, with commas between them; empty: the built-in ones"
            {...bound(form, 'tools')}
          />
          <TextField label="System prompt" rows={8} max={32_768} {...bound(form, 'systemPrompt')} />
        </>
      )}
    </VersionedForm>
  )
}
