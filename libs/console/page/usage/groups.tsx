import type { UsageReport } from '@agentfleet/protocol'
import { useMemo } from 'preact/hooks'
import { costText, count } from '@agentfleet/domain'
import { LongTable } from '../parts/tables/long-table.tsx'
import type { WideColumn } from '../parts/tables/virtual-table.tsx'
import { setQuery } from '../shell/router.ts'
import { groupRows, type GroupRow } from './group-rows.ts'

const COLUMNS: readonly WideColumn<GroupRow>[] = [
  { title: 'Name', of: ({ name }) => <bdi title={name}>{name}</bdi> },
  { title: 'LLM calls', width: 90, kind: 'number', of: ({ usage }) => count(usage.llmCalls) },
  { title: 'Tokens in', width: 96, kind: 'number', of: ({ usage }) => count(usage.inputTokens) },
  { title: 'Tokens out', width: 96, kind: 'number', of: ({ usage }) => count(usage.outputTokens) },
  { title: 'Cost', width: 100, kind: 'number', of: ({ usage }) => costText(usage) },
]

/** Groups that the page shows at first, and those that one answer of the gateway has at most. */
export const GROUPS_SHOWN = 100
const GROUPS_MAX = 1_000

/** The usage of all days by agent, tenant or the values of a metadata key. */
export function Groups({ by, report }: { by: string; report: UsageReport }) {
  const rows = useMemo(() => groupRows(report), [report])
  const { groups = [], groupCount = 0 } = report
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
      {groupCount > groups.length && (
        <p class="row">
          <span class="muted">
            The {count(groups.length)} most expensive of {count(groupCount)} are listed.
          </span>
          {groups.length < GROUPS_MAX && (
            <button type="button" onClick={() => setQuery({ top: String(GROUPS_MAX) })}>
              Show up to {count(GROUPS_MAX)}
            </button>
          )}
        </p>
      )}
    </>
  )
}
