import type { UsageReport } from '@agentfleet/protocol'
import { useMemo } from 'preact/hooks'
import { costOf, count } from '../format/format.ts'
import { LongTable } from '../parts/tables/long-table.tsx'
import type { WideColumn } from '../parts/tables/virtual-table.tsx'
import { groupRows, type GroupRow } from './group-rows.ts'

const COLUMNS: readonly WideColumn<GroupRow>[] = [
  { title: 'Name', of: ({ name }) => <bdi title={name}>{name}</bdi> },
  { title: 'LLM calls', width: 90, kind: 'number', of: ({ usage }) => count(usage.llmCalls) },
  { title: 'Tokens in', width: 96, kind: 'number', of: ({ usage }) => count(usage.inputTokens) },
  { title: 'Tokens out', width: 96, kind: 'number', of: ({ usage }) => count(usage.outputTokens) },
  { title: 'Cost', width: 100, kind: 'number', of: ({ usage }) => costOf(usage) },
]

/** The usage of all days by agent, tenant or the values of a metadata key. */
export function Groups({ by, days, total }: Pick<UsageReport, 'days' | 'total'> & { by: string }) {
  const rows = useMemo(() => groupRows({ days, total }), [days, total])
  const name = by.replace(/^metadata\./, '')
  return (
    <>
      <h2>By {name}</h2>
      <LongTable
        caption={`Usage by ${name}, most expensive first`}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ key }) => key}
        empty="No LLM call is recorded in these days."
      />
    </>
  )
}
