import type { ComponentChildren } from 'preact'
import { bytes, costText, count, percent, UNKNOWN, usd, usdLimit } from '@agentfleet/domain'
import type { TenantLimitsView } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { instant } from '../format/format.ts'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { ProviderLimits } from './provider-limits.tsx'

const EVERY_MS = 5_000
const LIMITS = '/v1/limits'

interface Row {
  readonly name: string
  readonly held: ComponentChildren
  readonly limit: ComponentChildren
  readonly share?: number | undefined
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Limit', of: ({ name }) => name },
  { title: 'You hold', kind: 'number', of: ({ held }) => held },
  { title: 'At most', kind: 'number', of: ({ limit }) => limit },
  { title: 'Full', kind: 'number', of: ({ share }) => percent(share) },
]

const BUDGETS = [
  ['tokensPerHour', 'Tokens of this hour', count, count],
  ['usdPerHour', 'Cost of this hour', usd, usdLimit],
  ['tokensPerDay', 'Tokens of today', count, count],
  ['usdPerDay', 'Cost of today', usd, usdLimit],
] as const

type BudgetLimit = NonNullable<NonNullable<TenantLimitsView['budget']>['usdPerDay']>

interface BudgetRow extends BudgetLimit {
  readonly name: string
  readonly write: typeof usd
  readonly writeLimit: typeof usdLimit
}

const BUDGET_COLUMNS: readonly Column<BudgetRow>[] = [
  { title: 'Budget', of: ({ name }) => name },
  { title: 'Used', kind: 'number', of: ({ used, write }) => amount(used, write) },
  { title: 'Set aside', kind: 'number', of: ({ setAside, write }) => amount(setAside, write) },
  { title: 'At most', kind: 'number', of: ({ limit, writeLimit }) => writeLimit(limit) },
  { title: 'Full', kind: 'number', of: (row) => percent(fullOf(row)) },
  { title: 'Starts again', of: ({ resetsAt }) => instant(Date.parse(resetsAt)) },
]

function amount(value: number | undefined, write: typeof usd): string {
  return value === undefined ? UNKNOWN : write(value)
}

function fullOf({ limit, used, setAside = 0 }: BudgetLimit): number | undefined {
  if (used === undefined) return undefined
  return limit === 0 ? 1 : (used + setAside) / limit
}

/** What is full? The caller's limits, what it holds of them, and for operators the stores. */
export function Limits() {
  const loaded = useRead<TenantLimitsView>(LIMITS, EVERY_MS)
  return (
    <>
      <h2>Your limits</h2>
      <Panel loaded={loaded}>
        {(value) => (
          <>
            <Table
              caption="Your limits"
              columns={COLUMNS}
              rows={rowsOf(value)}
              keyOf={({ name }) => name}
            />
            <p class="muted">
              “shared” means that the operator set no limit: you may hold half of what other tenants
              leave free.
            </p>
            <Budget of={value.budget} />
            {value.providers !== undefined && <ProviderLimits of={value.providers} />}
          </>
        )}
      </Panel>
    </>
  )
}

/** How much of each limit of the budget is used, and how much the calls under way set aside. */
function Budget({ of: budget }: { of: TenantLimitsView['budget'] }) {
  if (budget === undefined) return null
  return (
    <>
      <Table
        caption="Your budget"
        columns={BUDGET_COLUMNS}
        rows={BUDGETS.flatMap(([key, name, write, writeLimit]) => {
          const one = budget[key]
          return one === undefined ? [] : [{ name, write, writeLimit, ...one }]
        })}
        keyOf={({ name }) => name}
      />
      <p class="muted">
        “Set aside” is the most that the LLM calls under way may use. A call that would exceed the
        budget fails its task.
      </p>
    </>
  )
}

function rowsOf({ limits, holds, spent, stores }: TenantLimitsView): readonly Row[] {
  return [
    held('Tasks that have not ended', holds?.tasks, limits.tasks, count),
    { name: 'Ended tasks that are kept', held: count(holds?.ended), limit: UNKNOWN },
    held('Bytes in the log', holds?.logBytes, limits.logBytes, bytes),
    held('Running tasks', holds?.concurrency, limits.concurrency, count, 'none'),
    held('Agents', holds?.agents, limits.agents, count),
    held('Schedules', holds?.schedules, limits.schedules, count),
    held('Connections to one gateway', holds?.streams, limits.streams, count),
    held('Held requests of one gateway', holds?.heldRequests, limits.heldRequests, count),
    ...(spent === undefined
      ? []
      : [...spentRows('this hour (UTC)', spent.hour), ...spentRows('today (UTC)', spent.day)]),
    ...(stores === undefined
      ? []
      : [storeRow('Log of the fleet', stores.log), storeRow('Redis of the fleet', stores.redis)]),
  ]
}

function held(
  name: string,
  value: number | undefined,
  limit: number | undefined,
  write: (value: number | undefined) => string,
  without = 'shared',
): Row {
  const share = value === undefined || limit === undefined ? undefined : value / Math.max(1, limit)
  return { name, held: write(value), limit: limit === undefined ? without : write(limit), share }
}

function spentRows(
  span: string,
  spent: NonNullable<TenantLimitsView['spent']>['day'],
): readonly Row[] {
  return [
    { name: `Tokens of ${span}`, held: count(spent.tokens), limit: UNKNOWN },
    { name: `Cost of ${span}`, held: costText({ ...spent }), limit: UNKNOWN },
  ]
}

function storeRow(name: string, fill: { readonly bytes: number; readonly maxBytes: number }): Row {
  // 0 stands for a store whose size is not known.
  if (fill.maxBytes === 0) return { name, held: bytes(fill.bytes), limit: UNKNOWN }
  return held(name, fill.bytes, fill.maxBytes, bytes)
}
