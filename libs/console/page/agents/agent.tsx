import { useState } from 'preact/hooks'
import type { AgentVersions, AgentView } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { useRead } from '../api/load.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { Facts } from '../parts/facts.tsx'
import { Panel } from '../parts/panel.tsx'
import { Select } from '../parts/filters/select.tsx'
import { TitledText } from '../parts/text.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo, place, setQuery } from '../shell/router.ts'
import { Diff } from '../parts/forms/diff.tsx'
import type { Base } from '../parts/forms/versioned.tsx'
import { AgentChanges } from './changes.tsx'
import { EditAgent } from './edit.tsx'

const EVERY_MS = 15_000

/** One agent: its newest version, its changes, and the form that makes another version. */
export function Agent({ id: name }: { id: string }) {
  const path = `/v1/agents/${encodeURIComponent(name)}/versions`
  const loaded = useRead<AgentVersions>(path, EVERY_MS)
  const [base, setBase] = useState<Base<AgentView['definition']>>()
  const missing = loaded.error?.code === 'agent-not-found'
  const done = () => {
    setBase(undefined)
    loaded.reload()
  }
  return (
    <>
      <h1 tabIndex={-1}>Agent {name}</h1>
      <p>
        <a href={linkTo('agents')}>All agents</a>
      </p>
      {base !== undefined && <EditAgent name={name} base={base} done={done} />}
      {missing && base === undefined && (
        <>
          <p class="empty">No agent has this name.</p>
          <EditButton label="Define it" edit={() => setBase({ version: 0, definition: {} })} />
        </>
      )}
      {!missing && base === undefined && (
        <Panel loaded={loaded}>
          {({ versions }) => {
            const [newest] = versions
            if (newest === undefined) return null
            const edit = () =>
              setBase({
                version: newest.builtIn ? 0 : newest.version,
                definition: newest.definition,
              })
            return (
              <>
                <Definition agent={newest} />
                <EditButton label="Change the definition" edit={edit} />
                <Versions versions={versions} />
                <AgentChanges name={name} />
              </>
            )
          }}
        </Panel>
      )}
    </>
  )
}

function EditButton({ label, edit }: { label: string; edit: () => void }) {
  return (
    <Allowed scope="agents:write" to="change agents">
      <p>
        <Button act={edit}>{label}</Button>
      </p>
    </Allowed>
  )
}

function Definition({ agent }: { agent: AgentView }) {
  const { version, builtIn, updatedAt, definition, name } = agent
  return (
    <>
      <Facts
        of={[
          ['Version', builtIn ? '—' : version],
          ['Source', builtIn ? 'built-in' : 'your own'],
          ['Changed', updatedAt && <Instant key="at" at={updatedAt} />],
          ['Role', definition.role],
          ['Model', definition.model],
          ['Fallbacks', definition.fallbackModels?.join(', ')],
          ['Tools', definition.tools?.join(', ')],
          [
            'Tasks',
            <a key="tasks" href={linkTo('tasks', undefined, { agent: name })}>
              Tasks of this agent
            </a>,
          ],
        ]}
      />
      <TitledText title="System prompt" value={definition.systemPrompt} />
      <TitledText title="Definition" value={definition} />
    </>
  )
}

/** What each version changed; the address names the chosen one. */
function Versions({ versions }: { versions: readonly AgentView[] }) {
  const wanted = Number(place.value.query['version'] ?? versions[0]?.version)
  const at = versions.findIndex(({ version }) => version === wanted)
  const [chosen, before] = [versions[at], versions[at + 1]]
  return (
    <>
      <h2>Versions</h2>
      <label>
        What changed in{' '}
        <Select
          value={String(wanted)}
          of={versions.map(({ version, builtIn }) => [
            String(version),
            builtIn ? 'the built-in version' : `version ${version}`,
          ])}
          choose={(version) => setQuery({ version })}
        />
      </label>
      {chosen === undefined && <p class="empty">This version is no longer kept.</p>}
      {chosen !== undefined && before === undefined && (
        <p class="muted">
          {chosen.version === 1 ? 'It is the first version.' : 'The version before it is not kept.'}
        </p>
      )}
      {chosen !== undefined && before !== undefined && (
        <Diff before={before.definition} after={chosen.definition} label="What changed" />
      )}
    </>
  )
}
