import type { UsageReport } from '@agentfleet/protocol'
import { lessUsage, type Usage } from '@agentfleet/domain'

/** The usage of one agent, tenant or value over all days. */
export interface GroupRow {
  /** Differs between any two rows; a client may have named a value as the page names a row. */
  readonly key: string
  readonly name: string
  readonly usage: Usage
}

/** Returns the groups, then the sum of the groups that are not listed, and last the calls that belong to no group. */
export function groupRows(
  report: Pick<UsageReport, 'groups' | 'others' | 'total'>,
): readonly GroupRow[] {
  const { groups = [], others, total } = report
  const rows: GroupRow[] = groups.map(({ name, usage }) => ({ key: `name ${name}`, name, usage }))
  if (others !== undefined && others.llmCalls > 0)
    rows.push({ key: 'others', name: '(others)', usage: others })
  const rest = rows.reduce<Usage>((sum, { usage }) => lessUsage(sum, usage), total)
  return rest.llmCalls > 0
    ? [...rows, { key: 'rest', name: 'not counted by group', usage: rest }]
    : rows
}
