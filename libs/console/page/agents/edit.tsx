import { useState } from 'preact/hooks'
import type { AgentView } from '@agentfleet/protocol'
import { ApiError, request } from '../api/http.ts'
import { Diff } from './diff.tsx'

type Definition = AgentView['definition']

/** The definition that the reader began to change; version 0 stands for none of the reader's own. */
export interface Base {
  readonly version: number
  readonly definition: Definition
}

const FIELDS = [
  { name: 'role', label: 'Role', max: 64 },
  { name: 'description', label: 'Description', max: 1_024 },
  { name: 'model', label: 'Model', max: 200 },
] as const

/**
 * Changes a definition. If another client has changed the definition meanwhile, the form shows both changes
 * and the reader decides.
 */
export function EditAgent({ name, base, done }: { name: string; base: Base; done: () => void }) {
  const [from, setFrom] = useState(base)
  const [draft, setDraft] = useState(base.definition)
  const [theirs, setTheirs] = useState<Base>()
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  const path = `/v1/agents/${encodeURIComponent(name)}`

  const save = async (over: Base) => {
    setBusy(true)
    setProblem('')
    try {
      await request(path, {
        method: 'PUT',
        body: draft,
        ...(over.version === 0 ? { ifNoneMatch: '*' } : { ifMatch: `"${over.version}"` }),
      })
      done()
    } catch (error) {
      if (error instanceof ApiError && error.code === 'version-mismatch') {
        setTheirs(await request<AgentView>(path))
      } else setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
  }
  const change = (field: keyof Definition, value: Definition[keyof Definition]) =>
    setDraft(({ [field]: _before, ...rest }) => (value === '' ? rest : { ...rest, [field]: value }))

  if (theirs !== undefined) {
    return (
      <Conflict
        from={from}
        theirs={theirs}
        draft={draft}
        busy={busy}
        keepMine={() => {
          setFrom(theirs)
          setTheirs(undefined)
          void save(theirs)
        }}
        takeTheirs={done}
        goOn={() => {
          setFrom(theirs)
          setTheirs(undefined)
        }}
      />
    )
  }
  return (
    <form
      class="box"
      onSubmit={(event) => {
        event.preventDefault()
        void save(from)
      }}
    >
      {FIELDS.map(({ name: field, label, max }) => (
        <label key={field} class="block">
          {label}
          <input
            value={draft[field] ?? ''}
            maxLength={max}
            onInput={({ currentTarget }) => change(field, currentTarget.value)}
          />
        </label>
      ))}
      <label class="block">
        Tools, with commas between them; empty: the built-in ones
        <input
          value={draft.tools?.join(', ') ?? ''}
          onChange={({ currentTarget: { value } }) =>
            change('tools', value.trim() === '' ? '' : value.split(/[\s,]+/).filter(Boolean))
          }
        />
      </label>
      <label class="block">
        System prompt
        <textarea
          rows={8}
          maxLength={32_768}
          value={draft.systemPrompt ?? ''}
          onInput={({ currentTarget }) => change('systemPrompt', currentTarget.value)}
        />
      </label>
      <h2>What changes</h2>
      <Diff before={from.definition} after={draft} label="Your change" />
      <p class="problem" role="alert">
        {problem}
      </p>
      <p class="row">
        <button type="submit" class="primary" disabled={busy}>
          Save as a new version
        </button>
        <button type="button" onClick={done}>
          Discard
        </button>
      </p>
    </form>
  )
}

function Conflict({
  from,
  theirs,
  draft,
  busy,
  keepMine,
  takeTheirs,
  goOn,
}: {
  from: Base
  theirs: Base
  draft: Definition
  busy: boolean
  keepMine: () => void
  takeTheirs: () => void
  goOn: () => void
}) {
  return (
    <section class="box" role="alert" aria-labelledby="conflict">
      <h2 id="conflict">Version {theirs.version} was saved while you edited</h2>
      <p>Your change is based on version {from.version}. Nothing of it is lost.</p>
      <h2>What the other one changed</h2>
      <Diff before={from.definition} after={theirs.definition} label="The other change" />
      <h2>What your text changes in version {theirs.version}</h2>
      <Diff before={theirs.definition} after={draft} label="Your change in the newest version" />
      <p class="row">
        <button type="button" class="primary" disabled={busy} onClick={keepMine}>
          Save mine as a new version
        </button>
        <button type="button" onClick={goOn}>
          Edit mine further
        </button>
        <button type="button" onClick={takeTheirs}>
          Take version {theirs.version}
        </button>
      </p>
    </section>
  )
}
