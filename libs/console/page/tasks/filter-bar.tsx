import type { TaskCounts } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { count } from '../format/format.ts'
import { place, setQuery } from '../shell/router.ts'
import { linesOf } from '../shell/routes.ts'
import { zone } from '../shell/zone.ts'
import { boundOf, FIELDS, STATES, type Field, type Filters } from './filters.ts'

const COUNTS_EVERY_MS = 5_000
const RARE = FIELDS.filter(({ common }) => !common)

/** Every filter of the list; the address has their values. */
export function FilterBar({ filters }: { filters: Filters }) {
  const given = Object.keys(filters).length
  const rare = RARE.filter(({ name }) => filters[name] !== undefined).length
  return (
    <div role="search" aria-label="Filters of the tasks">
      <States filters={filters} />
      <div class="row filters">
        {FIELDS.filter(({ common }) => common).map((field) => (
          <Entry key={field.name} field={field} />
        ))}
        {given > 0 && (
          <button type="button" onClick={() => setQuery(NO_FILTERS)}>
            Clear filters
          </button>
        )}
      </div>
      <details open={rare > 0}>
        <summary>More filters{rare > 0 && ` (${rare} set)`}</summary>
        <div class="row filters">
          {RARE.map((field) => (
            <Entry key={field.name} field={field} />
          ))}
        </div>
      </details>
    </div>
  )
}

/** The changes of the address that remove every filter. */
export const NO_FILTERS: Readonly<Record<string, undefined>> = Object.fromEntries(
  ['state', ...FIELDS.map(({ name }) => name)].map((name) => [name, undefined]),
)

/** The states with the number of tasks that match the other filters. */
function States({ filters }: { filters: Filters }) {
  const { state: chosen = [], ...others } = filters
  const path = withQuery('/v1/tasks:count', { ...others, groupBy: 'state' })
  const { value: counts } = useLoad(
    path,
    (signal) => request<TaskCounts>(path, { signal }),
    COUNTS_EVERY_MS,
  )
  const toggle = (state: string) => {
    const next = chosen.some((each) => each === state)
      ? chosen.filter((each) => each !== state)
      : [...chosen, state]
    setQuery({ state: next.join('\n') })
  }
  return (
    <div class="row" role="group" aria-label="State">
      <button
        type="button"
        aria-pressed={chosen.length === 0}
        onClick={() => setQuery({ state: undefined })}
      >
        all states
      </button>
      {STATES.map((state) => (
        <button
          key={state}
          type="button"
          aria-pressed={chosen.some((each) => each === state)}
          onClick={() => toggle(state)}
        >
          {state} {counts && <span class="muted">{numberOf(counts, state)}</span>}
        </button>
      ))}
    </div>
  )
}

function numberOf(counts: TaskCounts, state: string): string {
  return boundOf(counts, state) + count(counts.groups.find(({ key }) => key === state)?.count ?? 0)
}

function Entry({ field }: { field: Field }) {
  const { name, label, kind, choices = [] } = field
  const value = place.value.query[name] ?? ''
  const change = ({ currentTarget }: { currentTarget: { value: string } }) =>
    setQuery({ [name]: currentTarget.value.trim() })
  switch (kind) {
    case 'text':
      return (
        <label>
          {label} <input value={value} maxLength={200} onChange={change} />
        </label>
      )
    case 'choice':
      return (
        <label>
          {label}{' '}
          <select value={value} onChange={change}>
            <option value="">any</option>
            {choices.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      )
    case 'time':
      return (
        <label>
          {label}{' '}
          <input
            type="datetime-local"
            value={localOf(value)}
            onChange={({ currentTarget }) => setQuery({ [name]: instantOf(currentTarget.value) })}
          />
        </label>
      )
    case 'pairs':
      return (
        <label>
          {label}{' '}
          <input
            value={linesOf(value).join('; ')}
            placeholder="team=search; env=test"
            onChange={({ currentTarget }) =>
              setQuery({ [name]: currentTarget.value.split(/;\s*/).join('\n') })
            }
          />
        </label>
      )
  }
}

/** The address has the time in UTC; the field shows the time in the zone that the reader chose. */
function localOf(text: string): string {
  const atMs = Date.parse(text)
  if (Number.isNaN(atMs)) return ''
  const minutes = zone.value === 'UTC' ? 0 : new Date(atMs).getTimezoneOffset()
  return new Date(atMs - minutes * 60_000).toISOString().slice(0, 16)
}

function instantOf(local: string): string | undefined {
  if (local === '') return undefined
  return new Date(zone.value === 'UTC' ? `${local}Z` : local).toISOString()
}
