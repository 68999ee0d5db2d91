import type { FleetView } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { count, duration, UNKNOWN } from '../format/format.ts'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'

const EVERY_MS = 5_000
const FLEET = '/v1/fleet?history=false'

type KeyLimits = NonNullable<FleetView['providers'][number]['keyLimits']>
interface Row extends KeyLimits {
  readonly provider: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Provider', of: ({ provider }) => provider },
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

/** How much the limits of each provider's key still admit. */
export function KeyLimitsOfProviders() {
  const loaded = useRead<FleetView>(FLEET, EVERY_MS)
  return (
    <>
      <h2>Limits of the providers</h2>
      <Panel loaded={loaded}>
        {({ providers }) => (
          <Table
            caption="Limits of the providers"
            columns={COLUMNS}
            rows={rowsOf(providers)}
            keyOf={({ provider }) => provider}
            empty="No node knows a limit of a provider that it has called recently."
          />
        )}
      </Panel>
    </>
  )
}

/** All models of a provider share the limits of its key. */
function rowsOf(providers: FleetView['providers']): readonly Row[] {
  const byProvider = new Map(providers.map(({ provider, keyLimits }) => [provider, keyLimits]))
  return [...byProvider].flatMap(([provider, limits]) =>
    limits === undefined ? [] : [{ provider, ...limits }],
  )
}
