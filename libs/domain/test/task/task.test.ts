import { assert as check, constantFrom, array, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  deadlineAtMs,
  foldHistory,
  isTerminal,
  isTerminalEvent,
  NO_USAGE,
  transition,
  type TaskEvent,
  type TaskRecord,
  type TaskSpec,
} from '../../src/index.ts'

const spec: TaskSpec = {
  task: 'say hello',
  agent: 'assistant',
  model: 'echo',
  cpu: 'medium',
  memory: 'medium',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 3,
}
const submitted: TaskEvent = { type: 'submitted', atMs: 0, tenant: 't', spec, specHash: 'h' }
const usage = { inputTokens: 1, outputTokens: 2, llmCalls: 1 }
const call = { step: 0, kind: 'llm', name: 'm', output: null, usage } as const

function fold(...events: TaskEvent[]): TaskRecord | undefined {
  return foldHistory(
    'id',
    events.map((event, index) => ({ event, seq: index + 1 })),
  )
}

describe('the life of a task', () => {
  it('takes over the sequence of an event that changes nothing else, because the next append has to expect this sequence (L2)', () => {
    const late: TaskEvent = { type: 'released', atMs: 5, reason: 'time' }
    expect(fold(submitted, late)).toMatchObject({ state: 'queued', seq: 2 })
  })

  it('begins at the time at which the log stored the task, even when the clock of the submitter is wrong', () => {
    const hourMs = 3_600_000
    const folded = transition('id', undefined, submitted, 1, hourMs)
    expect(folded.kind === 'applied' && deadlineAtMs(folded.record)).toBe(hourMs + spec.timeoutMs)
    const near = transition('id', undefined, submitted, 1, 20)
    expect(near.kind === 'applied' && deadlineAtMs(near.record)).toBe(spec.timeoutMs)
    const delayed: TaskEvent = { ...submitted, spec: { ...spec, delayMs: 5_000 } }
    const waits = transition('id', undefined, delayed, 1, hourMs)
    expect(waits.kind === 'applied' && waits.record.waitingFor).toEqual({
      kind: 'time',
      untilMs: hourMs + 5_000,
    })
  })

  it('keeps the last placement that an event contained, no matter which events follow', () => {
    const placed = { node: 'n', reason: 'affinity', balancer: 'b', considered: 3, atMs: 1 }
    const other = { ...placed, node: 'm' }
    const called: TaskEvent = { type: 'call-finished', atMs: 2, attempt: 1, call, placed }
    const again: TaskEvent = {
      type: 'attempt-started',
      atMs: 3,
      attempt: 2,
      node: 'm',
      placed: other,
    }
    const stale: TaskEvent = { type: 'call-finished', atMs: 4, attempt: 1, call, placed }
    const cancelled: TaskEvent = { type: 'cancelled', atMs: 5, reason: 'r' }
    expect(fold(submitted, called)?.placed).toEqual(placed)
    expect(fold(submitted, called, again, stale)?.placed).toEqual(other)
    expect(fold(submitted, called, again, cancelled)?.placed).toEqual(other)
    expect(fold(submitted)?.placed).toBeUndefined()
  })

  it('names the node of its last attempt, also of a first attempt and after a cancellation', () => {
    const placed = { node: 'n', reason: 'affinity', balancer: 'b', considered: 3, atMs: 1 }
    const called: TaskEvent = { type: 'call-finished', atMs: 2, attempt: 1, call, placed }
    const again: TaskEvent = { type: 'attempt-started', atMs: 3, attempt: 2, node: 'm' }
    const calledAgain: TaskEvent = { type: 'call-finished', atMs: 4, attempt: 2, call }
    const cancelled: TaskEvent = { type: 'cancelled', atMs: 5, reason: 'r' }
    expect(fold(submitted, called)?.node).toBe('n')
    expect(fold(submitted, called, cancelled)?.node).toBe('n')
    expect(fold(submitted, called, again, calledAgain, cancelled)?.node).toBe('m')
    const inFirstCall: TaskEvent = { ...cancelled, attempt: 1, node: 'first' }
    expect(fold(submitted, inFirstCall)).toMatchObject({ state: 'cancelled', node: 'first' })
    expect(fold(submitted, cancelled)?.node).toBeUndefined()
    // The owner's word ends the task no matter which attempt the event names.
    expect(fold(submitted, called, again, inFirstCall)?.state).toBe('cancelled')
  })

  it.each<[string, TaskEvent[], Partial<TaskRecord>]>([
    ['waits as its first attempt once submitted', [submitted], { state: 'queued', attempt: 1 }],
    [
      'runs its next attempt after a re-issue',
      [submitted, { type: 'attempt-started', atMs: 1, attempt: 2, node: 'n' }],
      { state: 'running', attempt: 2, node: 'n', seq: 2 },
    ],
    [
      'keeps its journal and adds up what was used',
      [submitted, { type: 'call-finished', atMs: 1, attempt: 1, call }],
      { state: 'running', calls: [call], usage },
    ],
    [
      'waits for its retry after a failure',
      [
        submitted,
        {
          type: 'attempt-failed',
          atMs: 1,
          attempt: 1,
          error: { code: 'c', message: 'm' },
          retryAtMs: 9,
        },
      ],
      { state: 'retrying', failures: 1, retryAtMs: 9 },
    ],
    [
      'ends with its result',
      [submitted, { type: 'completed', atMs: 1, attempt: 1, node: 'n', result: 'hi', usage }],
      { state: 'completed', result: 'hi', usage },
    ],
    [
      'ends when it is taken back',
      [submitted, { type: 'cancelled', atMs: 1, reason: 'user' }],
      { state: 'cancelled', error: { code: 'cancelled', message: 'user' } },
    ],
  ])('follows from its events: the task %s', (_title, events, expected) => {
    expect(fold(...events)).toMatchObject(expected)
  })

  it('begins with its submission, and an event before the submission is ignored', () => {
    expect(fold({ type: 'cancelled', atMs: 1, reason: 'x' })).toBeUndefined()
  })

  it('ignores an older attempt once a newer attempt has started (L3)', () => {
    const after = fold(
      submitted,
      { type: 'attempt-started', atMs: 1, attempt: 2, node: 'b' },
      { type: 'completed', atMs: 2, attempt: 1, node: 'a', result: 'late', usage: NO_USAGE },
    )
    expect(after).toMatchObject({ state: 'running', attempt: 2, node: 'b' })
    expect(after?.result).toBeUndefined()
  })
})

const anyEvent = record({
  type: constantFrom(
    'submitted' as const,
    'attempt-started' as const,
    'call-finished' as const,
    'attempt-failed' as const,
    'completed' as const,
    'failed' as const,
    'cancelled' as const,
  ),
  attempt: constantFrom(1, 2, 3, 4),
}).map(({ type, attempt }): TaskEvent => {
  const error = { code: 'c', message: 'm' }
  switch (type) {
    case 'submitted':
      return submitted
    case 'attempt-started':
      return { type, atMs: 1, attempt, node: 'n' }
    case 'call-finished':
      return { type, atMs: 1, attempt, call }
    case 'attempt-failed':
      return { type, atMs: 1, attempt, error, retryAtMs: 2 }
    case 'completed':
      return { type, atMs: 1, attempt, node: 'n', result: attempt, usage }
    case 'failed':
      return { type, atMs: 1, attempt, error }
    case 'cancelled':
      return { type, atMs: 1, reason: 'r' }
  }
})

describe('the record that results from any history', () => {
  it('changes with one end event and with no event after it (L2)', () => {
    check(
      property(array(anyEvent, { maxLength: 12 }), (events) => {
        let state: TaskRecord | undefined
        let endings = 0
        for (const [index, event] of [submitted, ...events].entries()) {
          const outcome = transition('id', state, event, index + 1)
          if (outcome.kind === 'stale') continue
          if (state !== undefined) expect(isTerminal(state.state)).toBe(false)
          if (isTerminalEvent(event)) endings += 1
          state = outcome.record
        }
        expect(endings).toBeLessThanOrEqual(1)
        expect(isTerminal(state!.state)).toBe(endings === 1)
      }),
    )
  })

  it('never gets a lower attempt or a lower sequence (L3)', () => {
    check(
      property(array(anyEvent, { maxLength: 12 }), (events) => {
        let state: TaskRecord | undefined
        for (const [index, event] of [submitted, ...events].entries()) {
          const outcome = transition('id', state, event, index + 1)
          if (outcome.kind === 'stale') continue
          if (state !== undefined) {
            expect(outcome.record.seq).toBeGreaterThan(state.seq)
            if (event.type !== 'failed') {
              expect(outcome.record.attempt).toBeGreaterThanOrEqual(state.attempt)
            }
          }
          state = outcome.record
        }
      }),
    )
  })

  it('counts the same event only once', () => {
    const record = fold(submitted)
    expect(transition('id', record, submitted, 1)).toEqual({ kind: 'stale', reason: 'seen' })
    const called: TaskEvent = { type: 'call-finished', atMs: 1, attempt: 1, call }
    const after = fold(submitted, called)
    expect(transition('id', after, called, 2)).toEqual({ kind: 'stale', reason: 'seen' })
  })
})
