import { costText, count, unpricedCallsOf } from '@agentfleet/domain'
import type { UsageReport } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { Choice } from '../parts/filters/choice.tsx'
import { Figures } from '../parts/facts.tsx'
import { Panel } from '../parts/panel.tsx'
import { LongTable } from '../parts/tables/long-table.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import type { WideColumn } from '../parts/tables/virtual-table.tsx'
import { place, setQuery } from '../shell/router.ts'
import { Groups, GROUPS_SHOWN } from './groups.tsx'
import { Limits } from './limits.tsx'

const EVERY_MS = 30_000

type Day = UsageReport['days'][number]
/** The usage of one model on one day. */
type Row = Day['models'][number] & { readonly key: string; readonly day: string }

const COLUMNS: readonly WideColumn<Row>[] = [
  { title: 'Day (UTC)', width: 100, of: ({ day }) => day },
  { title: 'Model', of: ({ model }) => <span title={model}>{model}</span> },
  { title: 'Provider', width: 140, of: ({ provider }) => provider },
  { title: 'LLM calls', width: 90, kind: 'number', of: ({ usage }) => count(usage.llmCalls) },
  { title: 'Tokens in', width: 96, kind: 'number', of: ({ usage }) => count(usage.inputTokens) },
  {
    title: 'of them cached',
    width: 124,
    kind: 'number',
    of: ({ usage }) => count(usage.cachedTokens),
  },
  { title: 'Tokens out', width: 96, kind: 'number', of: ({ usage }) => count(usage.outputTokens) },
  { title: 'Cost', width: 100, kind: 'number', of: ({ usage }) => costText(usage) },
]

const HOURS: readonly Column<NonNullable<Day['hours']>[number]>[] = [
  { title: 'Hour', of: ({ hour }) => `${String(hour).padStart(2, '0')}:00` },
  { title: 'Tokens', kind: 'number', of: ({ tokens }) => count(tokens) },
  { title: 'Cost', kind: 'number', of: costText },
]

/** The view of tokens and cost, and of the limits that are reached. */
export function Usage() {
  const { query } = place.value
  const path = withQuery('/v1/usage', {
    from: query['from'],
    to: query['to'],
    scope: query['scope'],
    groupBy: query['by'] ?? 'hour',
    top: query['by'] === undefined ? undefined : (query['top'] ?? String(GROUPS_SHOWN)),
  })
  const loaded = useRead<UsageReport>(path, EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Usage and limits</h1>
      <div class="row">
        <DateOf name="from" label="From" />
        <DateOf name="to" label="to" />
        <label>
          <input
            type="checkbox"
            checked={query['scope'] === 'fleet'}
            onChange={({ currentTarget }) =>
              setQuery({
                scope: currentTarget.checked ? 'fleet' : undefined,
                by: undefined,
                top: undefined,
              })
            }
          />
          All tenants (operators and admin keys only)
        </label>
      </div>
      <Panel loaded={loaded}>
        {(report) => {
          const { total, from, to, scope, metadataKeys } = report
          const days = report.days.toSorted((a, b) => (a.day < b.day ? 1 : -1))
          return (
            <>
              <div class="row">
                Group by
                <Choice
                  label="Group by"
                  of={groupsOf(scope, metadataKeys)}
                  chosen={query['by']}
                  choose={(by) => setQuery({ by, top: undefined })}
                />
              </div>
              <Figures
                of={[
                  ['Cost', costText(total), `${from} to ${to}`],
                  ['LLM calls', count(total.llmCalls)],
                  ['Tokens in', count(total.inputTokens)],
                  ['Tokens out', count(total.outputTokens)],
                ]}
              />
              {unpricedCallsOf(total) > 0 && (
                <p class="muted">
                  “unpriced” and “≥” stand where the fleet knows no price of a model. The operator
                  sets the prices in LLM_PRICES or PROVIDERS.
                </p>
              )}
              <LongTable
                caption="Usage by day and model, newest day first"
                columns={COLUMNS}
                rows={rowsOf(days)}
                keyOf={({ key }) => key}
                empty="No LLM call is recorded in these days."
              />
              {query['by'] !== undefined && <Groups report={report} by={query['by']} />}
              <Hours newest={days[0]} />
            </>
          )
        }}
      </Panel>
      <Limits />
    </>
  )
}

/** What the usage can be grouped by, with the words of each button. */
function groupsOf(
  scope: UsageReport['scope'],
  metadataKeys: readonly string[] = [],
): readonly (readonly [string | undefined, string])[] {
  return [
    [undefined, 'hours'],
    ['agent', 'agents'],
    ...(scope === 'fleet'
      ? [['tenant', 'tenants'] as const]
      : metadataKeys.map((key) => [`metadata.${key}`, key] as const)),
  ]
}

/** The hours of the newest day. */
function Hours({ newest }: { newest: Day | undefined }) {
  if (newest?.hours === undefined || newest.hours.length === 0) return null
  return (
    <>
      <h2>Hours of {newest.day} (UTC)</h2>
      <Table
        caption={`Hours of ${newest.day}`}
        columns={HOURS}
        rows={newest.hours}
        keyOf={({ hour }) => String(hour)}
      />
    </>
  )
}

function DateOf({ name, label }: { name: 'from' | 'to'; label: string }) {
  return (
    <label>
      {label}{' '}
      <input
        type="date"
        value={place.value.query[name] ?? ''}
        onChange={({ currentTarget: { value } }) => setQuery({ [name]: value })}
      />
    </label>
  )
}

function rowsOf(days: readonly Day[]): readonly Row[] {
  return days.flatMap(({ day, models }) =>
    models.map((each) => ({ ...each, day, key: `${day} ${each.provider} ${each.model}` })),
  )
}
