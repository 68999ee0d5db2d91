import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { count } from '@agentfleet/domain'
import type { AgentList, TaskCounts } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { nowMs, request } from '../api/http.ts'
import { useRead } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { instant } from '../format/format.ts'
import { Draft, Time, Typed } from '../parts/filters/field.tsx'
import { Select } from '../parts/filters/select.tsx'
import { place, setQuery } from '../shell/router.ts'
import { linesOf } from '../shell/routes.ts'
import { zone } from '../shell/zone.ts'
import { boundOf, FIELDS, STATES, type Field, type Filters } from './filters.ts'
import { periodsOf } from './periods.ts'

const COUNTS_EVERY_MS = 5_000
const RARE = FIELDS.filter(({ common }) => !common)

/** Every filter of the list; the address has their values. */
export function FilterBar({
  filters,
  children,
}: {
  filters: Filters
  /** What stands beside the rare filters. */
  children: ComponentChildren
}) {
  const given = Object.keys(filters).length
  const [offered, setOffered] = useState<Offered>()
  const offer = () => {
    if (offered !== undefined) return
    setOffered({})
    void readOffered().then(setOffered)
  }
  const rare = RARE.filter(({ name }) => filters[name] !== undefined).length
  return (
    <div role="search" aria-label="Filters of the tasks">
      <States filters={filters} />
      <div class="row filters" onFocusIn={offer}>
        {FIELDS.filter(({ common }) => common).map((field) => (
          <Entry key={field.name} field={field} choices={offered?.[field.name]} />
        ))}
        <Submitted />
        {given > 0 && <Button act={() => setQuery(NO_FILTERS)}>Clear filters</Button>}
      </div>
      <div class="row details">
        <details open={rare > 0}>
          <summary>More filters{rare > 0 && ` (${rare} set)`}</summary>
          <div class="row filters">
            {RARE.map((field) => (
              <Entry key={field.name} field={field} />
            ))}
          </div>
        </details>
        {children}
      </div>
    </div>
  )
}

/** The changes of the address that remove every filter. */
export const NO_FILTERS: Readonly<Record<string, undefined>> = Object.fromEntries(
  ['state', ...FIELDS.map(({ name }) => name)].map((name) => [name, undefined]),
)

/** The states with the number of tasks that match the other filters. */
function States({ filters }: { filters: Filters }) {
  const { state, ...others } = filters
  const chosen: readonly string[] = state ?? []
  const path = withQuery('/v1/tasks:count', { ...others, groupBy: 'state' })
  const { value: counts } = useRead<TaskCounts>(path, COUNTS_EVERY_MS)
  const toggle = (state: string) => {
    const next = chosen.includes(state)
      ? chosen.filter((each) => each !== state)
      : [...chosen, state]
    setQuery({ state: next.join('\n') })
  }
  return (
    <div class="row" role="group" aria-label="State">
      <Button aria-pressed={chosen.length === 0} act={() => setQuery({ state: undefined })}>
        all states
      </Button>
      {STATES.map((state) => (
        <Button key={state} aria-pressed={chosen.includes(state)} act={() => toggle(state)}>
          {state} {counts && <span class="muted">{numberOf(counts, state)}</span>}
        </Button>
      ))}
    </div>
  )
}

function numberOf(counts: TaskCounts, state: string): string {
  return boundOf(counts, state) + count(counts.groups.find(({ key }) => key === state)?.count ?? 0)
}

/** Values that the browser offers for a filter, by the name of the filter. */
type Offered = Readonly<Record<string, readonly string[]>>

/** Reads the agents and the error codes of the caller. They are read when the reader begins to filter, not with every list. */
async function readOffered(): Promise<Offered> {
  const [agents, errors] = await Promise.allSettled([
    request<AgentList>('/v1/agents'),
    request<TaskCounts>('/v1/tasks:count?groupBy=errorCode'),
  ])
  // A key may lack a scope, or Redis may be away; the field then offers nothing.
  return {
    agent: agents.status === 'fulfilled' ? agents.value.agents.map(({ name }) => name) : [],
    errorCode: errors.status === 'fulfilled' ? errors.value.groups.map(({ key }) => key) : [],
  }
}

function Entry({ field, choices = field.choices }: { field: Field; choices?: Field['choices'] }) {
  const { name, label, kind } = field
  const value = place.value.query[name] ?? ''
  switch (kind) {
    case 'text':
      return <Typed name={name} label={label} choices={choices} />
    case 'choice':
      return (
        <label>
          {label}{' '}
          <Select
            value={value}
            of={[['', 'any'], ...(choices ?? []).map((each) => [each, each] as const)]}
            choose={(chosen) => setQuery({ [name]: chosen })}
          />
        </label>
      )
    case 'time':
      return <Time name={name} label={label} />
    case 'pairs':
      return (
        <label>
          {label}{' '}
          <Draft
            value={linesOf(value).join('; ')}
            placeholder="team=search; env=test"
            enter={(text) => setQuery({ [name]: text.split(/;\s*/).join('\n') })}
          />
        </label>
      )
  }
}

/** Chooses when the tasks were submitted; "More filters" has the exact times. */
function Submitted() {
  const { createdAfter = '', createdBefore = '' } = place.value.query
  const words = [
    ...(createdAfter === '' ? [] : [`from ${timeWords(createdAfter)}`]),
    ...(createdBefore === '' ? [] : [`before ${timeWords(createdBefore)}`]),
  ].join(' ')
  const periods = periodsOf(nowMs(), zone.value === 'UTC')
  const choose = (wanted: string) => {
    const period = periods.find((each) => each.words === wanted)
    setQuery({ createdAfter: period?.createdAfter, createdBefore: period?.createdBefore })
  }
  return (
    <label>
      Submitted{' '}
      <Select
        value={words}
        of={[
          ['', 'at any time'],
          ...[words, ...periods.map((each) => each.words)]
            .filter(Boolean)
            .map((each) => [each, each] as const),
        ]}
        choose={choose}
      />
    </label>
  )
}

function timeWords(text: string): string {
  return instant(Date.parse(text), zone.value)
}
