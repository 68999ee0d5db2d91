import {
  age,
  ago,
  costText,
  count,
  duration,
  isTerminal,
  ofAtMost,
  plural,
  usd,
  usdLimit,
} from '@agentfleet/domain'
import type {
  HistoryEvent,
  TaskCounts,
  TaskSummary,
  TaskView,
  WaitingView,
} from '@agentfleet/protocol'
import { msOf, time, tokensText } from './formats.ts'
import { toneOf } from './paint.ts'
import { fields, listing, right, stateCell, table, type Cell, type Look } from './table.ts'
import { errorText, lineOf, oneLine, safe, valueText } from './text.ts'

/** Tasks as a table, in their given order. */
export function taskTable(tasks: readonly TaskSummary[], look: Look, nowMs: number): string {
  return listing(tasks, look, [
    ['ID', ({ id }) => id],
    ['STATE', ({ state }) => stateCell(state)],
    [right('AGE', { leaves: 1 }), ({ createdAt }) => age(msOf(createdAt), nowMs)],
    [{ name: 'AGENT', leaves: 2 }, ({ agent }) => agent],
    [{ name: 'MODEL', leaves: 4 }, ({ model }) => model],
    [{ name: 'NODE', leaves: 3 }, ({ node }) => node ?? '—'],
    [right('ATTEMPT', { leaves: 5 }), ({ attempt }) => String(attempt)],
    ['TASK', previewCell],
  ])
}

function previewCell({ error, preview }: TaskSummary): Cell {
  if (error === undefined) return preview
  return { text: `${errorText(error)} (${oneLine(preview)})`, tone: 'bad' }
}

/** How many tasks match, by group. */
export function countTable(counts: TaskCounts, look: Look): string {
  const { groups, groupBy } = counts
  const rows = groups.map((group): Cell[] => [
    { text: group.key, tone: groupBy === 'state' ? toneOf(group.key) : 'plain' },
    count(group.count),
  ])
  const head = [groupBy.toUpperCase(), right('TASKS')]
  return `${table(head, rows, look)}${countNote(counts)}`
}

function countNote({ exact, scanned, unsplit, groupBy }: TaskCounts): string {
  if (exact) return ''
  if (unsplit === undefined)
    return `\nThe counts are not exact: they cover only ${count(scanned)} tasks.`
  if (groupBy !== 'state') {
    return `\nThe counts are not exact: the gateway did not look up whether ${count(unsplit)} queued tasks already run.`
  }
  return `\nUp to ${count(unsplit)} of the queued tasks may already run. All other counts and the sum are exact.`
}

/** The whole task: what it is, where it ran and why, what it cost, and how it ended. */
export function taskDetails(task: TaskView, look: Look, nowMs: number): string {
  const tookMs = Date.parse(task.updatedAt) - Date.parse(task.createdAt)
  const head = fields(
    [
      ['id', task.id],
      ['state', stateCell(task.state)],
      ['waits for', waitsFor(task, nowMs)],
      ['retry at', task.retryAt && time(task.retryAt)],
      ['error', task.error && { text: errorText(task.error), tone: 'bad' }],
      ['agent', definitionText(task)],
      ['model', task.model],
      ['priority', task.priority],
      ['submitted', `${time(task.createdAt)} (${ago(msOf(task.createdAt), nowMs)})`],
      isTerminal(task.state) ? ['took', duration(tookMs)] : ['deadline', time(task.deadlineAt)],
      ['attempt', `${task.attempt}, after ${plural(task.failures, 'failure')}`],
      ['node', task.node],
      ['placed', task.placement && `on ${task.placement.node}: ${task.placement.reason}`],
      ['LLM calls', count(task.usage.llmCalls)],
      ['tokens', tokensText(task.usage)],
      ['cost', `${costText(task.usage)}${ofAtMost(task.budget?.usd, usdLimit)}`],
      ['replay of', task.replayOf],
      ['parent', task.parentId],
      ['children', task.children?.map(({ id }) => id).join(', ')],
      ['depends on', task.dependsOn?.join(', ')],
      ['approvals', task.approvals?.map(approvalText).join('; ')],
      ['metadata', task.metadata && pairsText(task.metadata)],
    ],
    look,
  )
  const parts = [head, section('task', task.task, look)]
  if (task.result !== undefined) parts.push(section('result', valueText(task.result), look))
  return parts.join('\n\n')
}

function section(name: string, text: string, { paint }: Look): string {
  return `${paint(name, 'dim')}\n${safe(text)}`
}

function definitionText({ agent, definition }: TaskView): string {
  if (definition === undefined) return agent
  return definition.version === 0
    ? `${agent} (built-in definition)`
    : `${agent} (version ${definition.version})`
}

function approvalText(approval: NonNullable<TaskView['approvals']>[number]): string {
  const { step, approved, by, person, note } = approval
  const word = approved ? 'approved' : 'refused'
  const who = person === undefined ? by : `${person}, with the key ${by}`
  return `step ${step} ${word} by ${who}${note === undefined ? '' : ` ("${note}")`}`
}

function pairsText(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
}

function waitsFor({ state, waitingFor }: TaskView, nowMs: number): string | undefined {
  if (waitingFor !== undefined) return waitText(waitingFor, nowMs)
  // The queue of the tenant, and not the task, knows how many wait and which limit holds them.
  return state === 'queued'
    ? 'a node that takes it; the commands fleet, queues and limits show what it waits behind'
    : undefined
}

/** What a waiting task waits for, in words. */
export function waitText(wait: WaitingView, nowMs: number): string {
  switch (wait.kind) {
    case 'approval':
      return `the approval of step ${wait.step ?? '?'}: ${wait.tool ?? 'a tool'} ${oneLine(lineOf(wait.arguments))}`
    case 'time':
      return `${time(wait.until)}, ${ago(msOf(wait.until), nowMs)}`
    case 'dependencies':
    case 'children':
      return `${wait.kind} ${(wait.taskIds ?? []).join(', ')}`
    default:
      return wait.kind satisfies never
  }
}

/** Tasks that wait for the word of a person, with the call that they want to make. */
export function approvalTable(tasks: readonly TaskSummary[], look: Look, nowMs: number): string {
  return listing(tasks, look, [
    ['ID', ({ id }) => id],
    [right('STEP'), ({ waitingFor }) => String(waitingFor?.step ?? '?')],
    [right('SINCE'), ({ updatedAt }) => age(msOf(updatedAt), nowMs)],
    ['AGENT', ({ agent }) => agent],
    ['TOOL', ({ waitingFor }) => waitingFor?.tool ?? ''],
    ['ARGUMENTS', ({ waitingFor }) => lineOf(waitingFor?.arguments)],
  ])
}

/** The history of a task, with the time since its submission. */
export function eventTable(events: readonly HistoryEvent[], look: Look): string {
  const startMs = events[0]?.atMs ?? 0
  return listing(events, look, [
    [right('AFTER'), ({ atMs }) => duration(atMs - startMs)],
    ['EVENT', ({ type }) => stateCell(type)],
    [right('ATTEMPT'), ({ attempt = '' }) => String(attempt)],
    ['DETAIL', eventText],
  ])
}

/** The fields of an event that explain it. */
export function eventText(event: Omit<HistoryEvent, 'seq'>): string {
  const { call, error, usage, reason, wait, approval, children, placement, node, result } = event
  const on = node === undefined ? '' : `on ${node}`
  switch (event.type) {
    case 'call-finished':
      return call === undefined ? '' : callText(call)
    case 'attempt-failed':
    case 'failed':
      return [on, error && errorText(error)].filter(Boolean).join(', ')
    case 'completed':
      return [
        on,
        usage && `${plural(usage.llmCalls, 'LLM call')}, ${costText(usage)}`,
        lineOf(result),
      ]
        .filter(Boolean)
        .join(', ')
    case 'attempt-started':
      return [on, placement?.reason].filter(Boolean).join(': ')
    case 'paused':
      return wait === undefined
        ? ''
        : `waits for ${wait.kind}${wait.tool ? ` of ${wait.tool}` : ''}`
    case 'resumed':
      return approval === undefined ? (reason ?? '') : approvalText(approval)
    case 'spawned':
      return (children ?? []).join(', ')
    case 'cancelled':
      return [on, reason].filter(Boolean).join(', ')
    case 'submitted':
    case 'released':
      return reason ?? placement?.reason ?? ''
    default:
      return event.type satisfies never
  }
}

function callText(call: NonNullable<HistoryEvent['call']>): string {
  const { kind, name, usage, output, step } = call
  const used = kind === 'llm' ? `, ${count(usage.inputTokens + usage.outputTokens)} tokens` : ''
  const cost = usage.costUsd === undefined ? '' : `, ${usd(usage.costUsd)}`
  return `step ${step}, ${kind} ${name}${used}${cost}: ${oneLine(lineOf(output))}`
}
