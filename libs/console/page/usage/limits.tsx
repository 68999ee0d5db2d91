import type { ComponentChildren } from 'preact'
import type { TenantLimitsView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { bytes, count, percent, UNKNOWN, usd } from '../format/format.ts'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'

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

/** What is full? The caller's limits, what it holds of them, and for operators the stores. */
export function Limits() {
  const loaded = useLoad(
    LIMITS,
    (signal) => request<TenantLimitsView>(LIMITS, { signal }),
    EVERY_MS,
  )
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
              empty=""
            />
            <p class="muted">
              “shared” means that the operator set no limit: you may hold half of what other tenants
              leave free. The count of an hour starts again with the next hour (UTC), and the count
              of a day at 00:00 UTC.
            </p>
          </>
        )}
      </Panel>
    </>
  )
}

function rowsOf({ limits, holds, spent, budget = {}, stores }: TenantLimitsView): readonly Row[] {
  const none = 'none'
  return [
    held('Tasks that have not ended', holds?.tasks, limits.tasks, count),
    { name: 'Ended tasks that are kept', held: count(holds?.ended), limit: UNKNOWN },
    held('Bytes in the log', holds?.logBytes, limits.logBytes, bytes),
    row('Tasks in flight', limits.concurrency, none),
    row('Agents', limits.agents),
    row('Schedules', limits.schedules),
    row('Connections to one gateway', limits.streams),
    row('Held requests of one gateway', limits.heldRequests),
    ...(spent === undefined
      ? []
      : [
          ...spentRows('this hour (UTC)', spent.hour, budget.tokensPerHour, budget.usdPerHour),
          ...spentRows('today (UTC)', spent.day, budget.tokensPerDay, budget.usdPerDay),
        ]),
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
): Row {
  const share = value === undefined || limit === undefined ? undefined : value / Math.max(1, limit)
  return { name, held: write(value), limit: limit === undefined ? 'shared' : write(limit), share }
}

function row(name: string, limit: number | undefined, without = 'shared'): Row {
  return { name, held: UNKNOWN, limit: limit === undefined ? without : count(limit) }
}

/** What a span used of each budget; the count of a span starts again with the next one. */
function spentRows(
  span: string,
  spent: { readonly tokens: number; readonly costUsd: number },
  tokensMax: number | undefined,
  usdMax: number | undefined,
): readonly Row[] {
  const of = (name: string, used: number, most: number | undefined, write: typeof usd): Row => {
    const share = most === undefined ? undefined : most === 0 ? 1 : used / most
    return { name, held: write(used), limit: most === undefined ? 'none' : write(most), share }
  }
  return [
    of(`Tokens of ${span}`, spent.tokens, tokensMax, count),
    of(`Cost of ${span}`, spent.costUsd, usdMax, usd),
  ]
}

function storeRow(name: string, fill: { readonly bytes: number; readonly maxBytes: number }): Row {
  // 0 stands for a store whose size is not known.
  if (fill.maxBytes === 0) return { name, held: bytes(fill.bytes), limit: UNKNOWN }
  return held(name, fill.bytes, fill.maxBytes, bytes)
}
