import type { UsageReport } from '@agentfleet/protocol'
import { costOf, count } from '../format/format.ts'
import { Table, type Column } from '../parts/tables/table.tsx'
import { groupRows, type GroupRow } from './group-rows.ts'

const COLUMNS: readonly Column<GroupRow>[] = [
  { title: 'Name', of: ({ name }) => name },
  { title: 'LLM calls', kind: 'number', of: ({ usage }) => count(usage.llmCalls) },
  { title: 'Tokens in', kind: 'number', of: ({ usage }) => count(usage.inputTokens) },
  { title: 'Tokens out', kind: 'number', of: ({ usage }) => count(usage.outputTokens) },
  { title: 'Cost', kind: 'number', of: ({ usage }) => costOf(usage) },
]

/** The usage of all days by agent, tenant or the values of a metadata key. */
export function Groups({
  by,
  days,
  total,
}: Pick<UsageReport, 'days' | 'total'> & { by: string | undefined }) {
  if (by === undefined) return null
  const name = by.replace(/^metadata\./, '')
  return (
    <>
      <h2>By {name}</h2>
      <Table
        caption={`Usage by ${name}, most expensive first`}
        columns={COLUMNS}
        rows={groupRows({ days, total })}
        keyOf={(row) => row.name}
        empty="No LLM call is recorded in these days."
      />
    </>
  )
}
