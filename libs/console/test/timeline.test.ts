import { expect, test } from 'vitest'
import type { HistoryEvent } from '@agentfleet/protocol'
import { lengthWords, timelineOf, type Subject } from '../page/task/timeline.ts'

const T0 = Date.UTC(2026, 0, 31, 12)
const NOW = T0 + 60_000
const usage = { inputTokens: 10, outputTokens: 20, llmCalls: 1, costUsd: 0.5 }
/** The usage of a whole task with two stored calls and a last answer. */
const whole = { inputTokens: 27, outputTokens: 48, llmCalls: 3, costUsd: 1.25 }
const placement = { node: 'n1', reason: 'least loaded', by: 'lb', atMs: T0 + 100, considered: 3 }
const task = (state: Subject['state'], more: Partial<Subject> = {}): Subject => ({
  createdAt: new Date(T0).toISOString(),
  state,
  ...more,
})
const call = (step: number, kind: 'llm' | 'tool', name: string) => ({
  step,
  kind,
  name,
  output: 'x',
  usage,
})
const at = (
  seq: number,
  ms: number,
  event: Partial<HistoryEvent> & Pick<HistoryEvent, 'type'>,
) => ({ seq, atMs: T0 + ms, ...event })
const submitted = at(1, 0, { type: 'submitted' })
/** The bars as short texts. */
const shown = (subject: Subject, events: readonly HistoryEvent[]) =>
  timelineOf(subject, events, NOW).map(
    (bar) => `${bar.label} | ${bar.startMs - T0}-${bar.endMs - T0}${bar.running ? ' running' : ''}`,
  )

test('the timeline of a queued task shows that the task has waited for a node until now', () => {
  expect(shown(task('queued'), [submitted])).toEqual(['Waits for a node | 0-60000 running'])
})

test('the timeline draws a running first attempt from its placement on, because the log stores no start event of a first attempt', () => {
  expect(shown(task('running', { node: 'n1', placement }), [submitted])).toEqual([
    'Waited for a node | 0-100',
    'Attempt 1 on n1 | 100-60000 running',
  ])
})

test('in the timeline, a call without stored times begins at the event before it, and its shown length is an upper bound', () => {
  const events = [
    submitted,
    at(2, 1_000, { type: 'call-finished', attempt: 1, call: call(0, 'llm', 'sim'), placement }),
    at(3, 1_500, { type: 'call-finished', attempt: 1, call: call(1, 'tool', 'calculate') }),
    at(4, 3_000, { type: 'completed', attempt: 1, node: 'n1', usage: whole }),
  ]
  expect(shown(task('completed', { placement }), events)).toEqual([
    'Waited for a node | 0-100',
    'Attempt 1 on n1 | 100-3000',
    'LLM call | 100-1000',
    'Tool calculate | 1000-1500',
    'Last answer | 1500-3000',
    'Completed | 3000-3000',
  ])
  const bars = timelineOf(task('completed', { placement }), events, NOW)
  expect(bars.map(lengthWords)).toEqual(['100 ms', '2.9 s', '≤ 900 ms', '≤ 500 ms', '≤ 1.5 s', '—'])
  expect(bars[1]?.detail).toBe('least loaded')
  expect(bars[2]?.detail).toBe('sim · 10 in, 20 out, $0.50')
  expect(bars[4]?.detail).toBe('7 in, 8 out, $0.25')
})

test('the timeline shows a failed attempt, the pause after it and the next attempt one after the other', () => {
  const error = { code: 'provider-unavailable', message: 'status 500' }
  const events = [
    submitted,
    at(2, 200, { type: 'attempt-started', attempt: 1, node: 'n1' }),
    at(3, 1_000, { type: 'attempt-failed', attempt: 1, error, retryAtMs: T0 + 2_000 }),
    at(4, 2_100, { type: 'attempt-started', attempt: 2, node: 'n2' }),
    at(5, 3_000, { type: 'failed', attempt: 2, error }),
  ]
  expect(shown(task('failed'), events)).toEqual([
    'Waited for a node | 0-200',
    'Attempt 1 on n1 | 200-1000',
    'LLM call failed | 200-1000',
    'Pause before attempt 2 | 1000-2100',
    'Attempt 2 on n2 | 2100-3000',
    'LLM call failed | 2100-3000',
    'Failed | 3000-3000',
  ])
  const bars = timelineOf(task('failed'), events, NOW)
  expect(bars.at(-1)?.detail).toBe('provider-unavailable: status 500')
  expect(bars[2]).toMatchObject({ kind: 'llm', atMost: true, seq: 3, detail: bars.at(-1)?.detail })
})

test('the timeline shows a failed LLM call after the calls of its attempt, and shows none if the attempt ended for another reason', () => {
  const done = at(2, 1_000, {
    type: 'call-finished',
    attempt: 1,
    call: call(0, 'llm', 'sim'),
    placement,
  })
  const failed = (code: string) =>
    at(3, 2_500, { type: 'failed', attempt: 1, error: { code, message: 'x' } })
  const calls = (code: string) =>
    shown(task('failed'), [submitted, done, failed(code)]).filter((line) => line.startsWith('LLM'))
  expect(calls('provider-timeout')).toEqual(['LLM call | 100-1000', 'LLM call failed | 1000-2500'])
  expect(calls('budget-exceeded')).toEqual(['LLM call | 100-1000'])
})

test('the timeline shows who decided a wait for a person, and draws a wait that has not ended until now', () => {
  const wait = { kind: 'approval' as const, step: 1, tool: 'pay' }
  const paused = at(3, 1_000, { type: 'paused', attempt: 1, wait })
  const events = [
    submitted,
    at(2, 200, { type: 'attempt-started', attempt: 1, node: 'n1' }),
    paused,
  ]
  expect(shown(task('waiting'), events).at(-1)).toBe(
    'Wait for approval of pay | 1000-60000 running',
  )
  const approval = { step: 1, approved: false, by: 'team', note: 'too dear' }
  const resumed = at(4, 5_000, { type: 'resumed', reason: 'decided', approval })
  const bars = timelineOf(task('queued'), [...events, resumed], NOW)
  expect(bars.at(-1)?.detail).toBe('refused by team: too dear')
  expect(bars.at(-1)?.endMs).toBe(T0 + 5_000)
})

test('the timeline of a task that waits from its submission shows a wait that ends with the release of the task', () => {
  expect(shown(task('waiting'), [submitted])).toEqual(['Waits | 0-60000 running'])
  const released = at(2, 4_000, { type: 'released', reason: 'the tasks have ended' })
  expect(shown(task('queued'), [submitted, released])).toEqual([
    'Waited to be released | 0-4000',
    'Waits for a node | 4000-60000 running',
  ])
})

test('the timeline links the tasks that a task has created, and shows no attempt of a task that was cancelled in the queue', () => {
  const children = ['a', 'b']
  const spawned = at(3, 500, { type: 'spawned', attempt: 1, step: 0, children })
  const started = at(2, 100, { type: 'attempt-started', attempt: 1, node: 'n1' })
  const bars = timelineOf(task('running'), [submitted, started, spawned], NOW)
  expect(bars.find(({ kind }) => kind === 'children')?.taskIds).toEqual(children)
  const cancelled = at(2, 700, { type: 'cancelled', reason: 'by the owner' })
  expect(shown(task('cancelled'), [submitted, cancelled])).toEqual([
    'Waited for a node | 0-700',
    'Cancelled | 700-700',
  ])
})

test('in the timeline, the attempt that a cancellation stopped ends with it, and names its node', () => {
  const cancelled = at(2, 700, {
    type: 'cancelled',
    reason: 'by the owner',
    attempt: 1,
    node: 'n1',
  })
  const bars = timelineOf(task('cancelled', { node: 'n1' }), [submitted, cancelled], NOW)
  const attempt = bars.find(({ kind }) => kind === 'attempt')
  expect(attempt).toMatchObject({ label: 'Attempt 1 on n1', endMs: T0 + 700, running: false })
})

test('in the timeline, a call with stored times begins at its stored start and shows how long the call waited', () => {
  const times = { startedAtMs: T0 + 400, waitedMs: 300, firstTokenMs: 120 }
  const events = [
    submitted,
    at(2, 1_000, {
      type: 'call-finished',
      attempt: 1,
      call: { ...call(0, 'llm', 'sim'), times },
      placement,
    }),
  ]
  const found = timelineOf(task('running', { placement }), events, NOW).find(
    ({ kind }) => kind === 'llm',
  )
  expect(found).toMatchObject({ startMs: T0 + 400, endMs: T0 + 1_000, atMost: false })
  expect(found?.detail).toContain('waited 300 ms for a limit · first token after 120 ms')
})
