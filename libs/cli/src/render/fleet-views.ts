import { age, bytes, costText, count, duration, percent } from '@agentfleet/domain'
import type { FleetView, NodeDetail, NodeView } from '@agentfleet/protocol'
import { msOf } from './formats.ts'
import { fields, listing, right, stateCell, table, type Look } from './table.ts'
import { taskTable } from './task-views.ts'

/** The fleet at one time: whether work flows, and each node. */
export function fleetPage(fleet: FleetView, look: Look, nowMs: number): string {
  const slots = fleet.nodes
    .filter(({ state }) => state === 'alive')
    .reduce((sum, node) => sum + node.slots, 0)
  const head = fields(
    [
      ['status', stateCell(fleet.status, `${fleet.status}: ${fleet.explanation}`)],
      ['nodes', nodeCounts(fleet.nodes)],
      ['running', `${count(fleet.running)} of ${count(slots)} slots`],
      ['queued', queueText(fleet)],
      ['cost today', costToday(fleet)],
      [
        'balancers',
        fleet.balancers.map(({ id, room }) => `${id}${room ? '' : ' (full)'}`).join(', '),
      ],
    ],
    look,
  )
  const parts = [head]
  if (fleet.nodes.length > 0) parts.push(nodeTable(fleet.nodes, look, nowMs))
  if (fleet.providers.length > 0) parts.push(providerTable(fleet, look))
  return [...parts, ...keyLimitsTables(fleet.providers, look)].join('\n\n')
}

/** One node, with the caller's tasks that run on it. */
export function nodePage({ node, tasks, complete }: NodeDetail, look: Look, nowMs: number): string {
  const head = fields(
    [
      ['node', node.id],
      ['state', stateCell(node.state, stateText(node))],
      ['up', age(msOf(node.startedAt), nowMs)],
      ['running', `${node.active} of ${node.slots} slots`],
      ['taken', node.queued === 0 ? undefined : `${node.queued} not started`],
      ['cpu', percent(node.cpu)],
      ['memory', `${bytes(node.memoryBytes)}, ${percent(node.memory)} of its limit`],
      ['lag', duration(node.lagMs)],
      ['attempt', `${duration(node.responseMs)} on average`],
      ['attempts', `${count(node.completed)} completed, ${count(node.failed)} failed`],
      ['heartbeat', `${duration(node.heartbeatAgeMs)} ago`],
    ],
    look,
  )
  const list = tasks.length === 0 ? 'None of your tasks runs here.' : taskTable(tasks, look, nowMs)
  return `${head}\n\n${list}${complete ? '' : '\n… the list may be incomplete'}`
}

function nodeCounts(nodes: readonly NodeView[]): string {
  const counts = new Map<string, number>()
  for (const { state, draining } of nodes) {
    const shown = draining ? 'draining' : state
    counts.set(shown, (counts.get(shown) ?? 0) + 1)
  }
  const texts = [...counts].map(([state, count]) => `${count} ${state}`)
  return texts.length === 0 ? 'none' : texts.join(', ')
}

function stateText({ state, draining }: NodeView): string {
  return draining ? `${state}, draining` : state
}

function queueText({ queued, oldestWaitingMs }: FleetView): string {
  if (oldestWaitingMs === undefined || oldestWaitingMs === 0) return count(queued)
  return `${count(queued)}; the oldest has waited for ${duration(oldestWaitingMs)}`
}

/** Undefined while the gateway does not know it. */
function costToday({
  llmCallsToday: llmCalls,
  costTodayUsd: costUsd,
  unpricedCallsToday: unpricedCalls,
}: FleetView): string | undefined {
  return llmCalls === undefined ? undefined : costText({ llmCalls, costUsd, unpricedCalls })
}

function nodeTable(nodes: readonly NodeView[], look: Look, nowMs: number): string {
  // Nodes that need attention come first: a screen may have no room for all.
  const isWell = ({ state, draining }: NodeView): number => Number(state === 'alive' && !draining)
  const sorted = nodes.toSorted((a, b) => isWell(a) - isWell(b) || (a.id < b.id ? -1 : 1))
  return listing(sorted, look, [
    ['NODE', ({ id }) => id],
    ['STATE', (node) => stateCell(node.state, stateText(node))],
    [right('RUNNING'), ({ active, slots }) => `${active} of ${slots}`],
    [right('CPU', { leaves: 2 }), ({ cpu }) => percent(cpu)],
    [right('MEMORY', { leaves: 3 }), ({ memoryBytes }) => bytes(memoryBytes)],
    [right('LAG', { leaves: 5 }), ({ lagMs }) => duration(lagMs)],
    [right('ATTEMPT', { leaves: 4 }), ({ responseMs }) => duration(responseMs)],
    [right('DONE', { leaves: 1 }), ({ completed }) => count(completed)],
    [right('FAILED'), ({ failed }) => count(failed)],
    [right('UP', { leaves: 6 }), ({ startedAt }) => age(msOf(startedAt), nowMs)],
  ])
}

function providerTable({ providers }: FleetView, look: Look): string {
  return listing(providers, look, [
    [{ name: 'PROVIDER', leaves: 1 }, ({ provider }) => provider],
    ['MODEL', ({ model }) => model],
    [
      'BREAKER',
      (each) => ({ text: breakerText(each), tone: each.breaker === 'closed' ? 'good' : 'warn' }),
    ],
    [right('CALLS', { leaves: 2 }), ({ calls }) => count(calls)],
    [right('FIRST TOKEN', { leaves: 3 }), ({ firstTokenMs }) => duration(firstTokenMs)],
    [right('TOKENS/S', { leaves: 4 }), ({ tokensPerSecond }) => count(tokensPerSecond)],
    [
      'LAST ERROR',
      ({ lastError }) =>
        lastError === undefined ? '—' : `${lastError.kind}, ${duration(lastError.agoMs)} ago`,
    ],
  ])
}

/** What of the providers can hold up a call: the limits of their keys, and the models that nodes do not call now. */
export function providerLimitsTables(
  providers: FleetView['providers'],
  look: Look,
): readonly string[] {
  const paused = providers.filter(({ breaker }) => breaker !== 'closed')
  const rows = paused.map((each) => [each.provider, each.model, breakerText(each)])
  const models = rows.length === 0 ? [] : [table(['PROVIDER', 'MODEL', 'BREAKER'], rows, look)]
  return [...keyLimitsTables(providers, look), ...models]
}

/** The limits of the key of each provider, which all its models share; no table if no node knows a limit. */
function keyLimitsTables(providers: FleetView['providers'], look: Look): readonly string[] {
  const names = ['REQUESTS/MIN', 'LEFT NOW', 'TOKENS/MIN', 'LEFT NOW', 'PAUSED FOR', 'WAITING']
  const byProvider = new Map(providers.map(({ provider, keyLimits }) => [provider, keyLimits]))
  const rows = [...byProvider].flatMap(([provider, limits]) => {
    if (limits === undefined) return []
    const { requestsPerMinute, requestsLeft, tokensPerMinute, tokensLeft, closedForMs } = limits
    const amounts = [requestsPerMinute, requestsLeft, tokensPerMinute, tokensLeft].map(count)
    return [[provider, ...amounts, duration(closedForMs || undefined), count(limits.waiting)]]
  })
  const columns = names.map((name) => right(name))
  return rows.length === 0 ? [] : [table(['PROVIDER', ...columns], rows, look)]
}

function breakerText({ breaker, closedForMs }: FleetView['providers'][number]): string {
  return closedForMs > 0 ? `paused for ${duration(closedForMs)}` : breaker
}
