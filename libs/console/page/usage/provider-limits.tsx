import { count, duration, UNKNOWN } from '@agentfleet/domain'
import type { FleetView } from '@agentfleet/protocol'
import { Table, type Column } from '../parts/tables/table.tsx'

type Providers = FleetView['providers']
type KeyLimits = NonNullable<Providers[number]['keyLimits']>
interface Row extends KeyLimits {
  readonly provider: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Provider', of: ({ provider }) => <bdi>{provider}</bdi> },
  { title: 'Requests a minute', kind: 'number', of: (row) => count(row.requestsPerMinute) },
  { title: 'Requests left', kind: 'number', of: ({ requestsLeft }) => count(requestsLeft) },
  { title: 'Tokens a minute', kind: 'number', of: (row) => count(row.tokensPerMinute) },
  { title: 'Tokens left', kind: 'number', of: ({ tokensLeft }) => count(tokensLeft) },
  {
    title: 'Paused for',
    kind: 'number',
    of: ({ closedForMs }) => (closedForMs === 0 ? UNKNOWN : duration(closedForMs)),
  },
  { title: 'Calls that wait', kind: 'number', of: ({ waiting }) => count(waiting) },
]

const PAUSED: readonly Column<Providers[number]>[] = [
  { title: 'Provider', of: ({ provider }) => <bdi>{provider}</bdi> },
  { title: 'Model', of: ({ model }) => <bdi>{model}</bdi> },
  { title: 'Circuit breaker', of: ({ breaker }) => breaker },
  { title: 'No calls for', kind: 'number', of: ({ closedForMs }) => duration(closedForMs) },
]

/** What of the providers can hold up a call: the limits of their keys, and the models that nodes do not call now. */
export function ProviderLimits({ of: providers }: { of: Providers }) {
  const paused = providers.filter(({ breaker }) => breaker !== 'closed')
  return (
    <>
      <h2>Limits of the providers</h2>
      <Table
        caption="Limits of the providers"
        columns={COLUMNS}
        rows={rowsOf(providers)}
        keyOf={({ provider }) => provider}
        empty="No node knows a limit of a provider that it has called recently."
      />
      {paused.length > 0 && (
        <Table
          caption="Models that nodes do not call, or call only to try"
          columns={PAUSED}
          rows={paused}
          keyOf={({ provider, model }) => `${provider} ${model}`}
        />
      )}
    </>
  )
}

/** All models of a provider share the limits of its key. */
function rowsOf(providers: Providers): readonly Row[] {
  const byProvider = new Map(providers.map(({ provider, keyLimits }) => [provider, keyLimits]))
  return [...byProvider].flatMap(([provider, limits]) =>
    limits === undefined ? [] : [{ provider, ...limits }],
  )
}
