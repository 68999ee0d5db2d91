import type { TaskEvent, TaskSpec } from '@agentfleet/domain'
import { checkInvariants, loggedEvent, paidTwice, type LoggedEvent } from '@agentfleet/tools'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { describe, expect, it } from 'vitest'

const TASK = 'task-1'
const SPEC: TaskSpec = { ...PLAIN_SPEC, task: 'count' }
const USAGE = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }

const submitted: TaskEvent = {
  type: 'submitted',
  atMs: 1,
  tenant: 'default',
  spec: SPEC,
  specHash: '',
}
const started = (attempt: number): TaskEvent => ({
  type: 'attempt-started',
  atMs: 2,
  attempt,
  node: 'worker-1',
})
const called = (attempt: number, step: number): TaskEvent => ({
  type: 'call-finished',
  atMs: 3,
  attempt,
  call: { step, kind: 'llm', name: 'sim', output: null, usage: USAGE },
})
const failedAttempt = (attempt: number): TaskEvent => ({
  type: 'attempt-failed',
  atMs: 4,
  attempt,
  error: { code: 'timeout', message: '' },
  retryAtMs: 5,
})
const completed = (attempt: number): TaskEvent => ({
  type: 'completed',
  atMs: 6,
  attempt,
  node: 'worker-1',
  result: 'done',
  usage: USAGE,
})
const failed = (attempt: number): TaskEvent => ({
  type: 'failed',
  atMs: 6,
  attempt,
  error: { code: 'deadline', message: '' },
})
const cancelled: TaskEvent = { type: 'cancelled', atMs: 6, reason: 'asked' }

function historyOf(events: readonly TaskEvent[]): LoggedEvent[] {
  return events.map((event, i) => loggedEvent(event, i + 1))
}

function check(...events: readonly TaskEvent[]) {
  return checkInvariants(new Map([[TASK, historyOf(events)]]), [{ taskId: TASK }])
}

function breaches(...events: readonly TaskEvent[]): string[] {
  return check(...events).violations.map(({ rule, detail }) => `${rule} ${detail}`)
}

describe('the check of the invariants accepts valid histories, which', () => {
  it('may include a first attempt that completes without a start event', () => {
    expect(check(submitted, completed(1))).toEqual({
      violations: [],
      unfinished: [],
      tasks: 1,
      completed: 1,
      failed: 0,
      cancelled: 0,
    })
  })

  it('may include a lost node, a failed attempt and calls taken over from an earlier attempt', () => {
    const events = [
      submitted,
      called(1, 0),
      started(2),
      called(2, 1),
      failedAttempt(2),
      started(3),
      called(3, 2),
      completed(3),
    ]
    expect(breaches(...events)).toEqual([])
  })

  it('may end without a started attempt, because the task was cancelled or its time was over', () => {
    expect(breaches(submitted, cancelled)).toEqual([])
    expect(breaches(submitted, started(2), failed(2))).toEqual([])
  })

  it('may include a delayed task that the log stored only when its delay was over', () => {
    const delayed: TaskEvent = { ...submitted, spec: { ...SPEC, notBeforeMs: 2_000 } }
    const history = (storedAtMs: number) => [
      loggedEvent(delayed, 1, storedAtMs),
      loggedEvent(completed(1), 2),
    ]
    const check = (storedAtMs: number) =>
      checkInvariants(new Map([[TASK, history(storedAtMs)]]), []).violations.length
    // It has no start event (I3), and is too early (I6).
    expect([check(5_000), check(1)]).toEqual([0, 2])
  })

  it('are distinguished from unfinished histories', () => {
    const findings = check(submitted, started(2))
    expect(findings.violations).toEqual([])
    expect(findings.unfinished).toEqual([TASK])
  })
})

describe('the check of I1 (every accepted task is stored)', () => {
  it('finds an accepted task that is not in the log', () => {
    const findings = checkInvariants(new Map(), [{ taskId: TASK }])
    expect(findings.violations).toEqual([
      { rule: 'I1', taskId: TASK, detail: 'accepted, not in the log' },
    ])
    expect(findings.unfinished).toEqual([TASK])
  })

  it('finds a history that does not begin with the submission', () => {
    expect(breaches(completed(1))).toEqual(['I1 begins with completed'])
  })

  it('finds a task that was submitted twice', () => {
    expect(breaches(submitted, submitted, completed(1))).toEqual(['I1 submitted 2 times'])
  })
})

describe('the check of I2 (a task has one ending and no later event)', () => {
  it('finds a second ending', () => {
    expect(breaches(submitted, completed(1), completed(1))).toEqual(['I2 2 endings'])
    expect(breaches(submitted, cancelled, failed(1))).toEqual(['I2 2 endings'])
  })

  it('finds an event after the ending', () => {
    expect(breaches(submitted, completed(1), called(1, 0))).toEqual([
      'I2 1 events after the ending',
    ])
  })

  it('counts a task with two endings as ended once, by its first ending', () => {
    const { completed: ok, cancelled: taken } = check(submitted, cancelled, completed(1))
    expect([ok, taken]).toEqual([0, 1])
  })
})

describe('the check of I3 (attempts only grow, and no call is finished twice)', () => {
  it('finds an event of a superseded attempt', () => {
    expect(breaches(submitted, started(2), completed(1))).toEqual([
      'I3 completed of attempt 1 after attempt 2 began',
    ])
    expect(breaches(submitted, started(2), called(1, 0), completed(2))).toEqual([
      'I3 call-finished of attempt 1 after attempt 2 began',
    ])
  })

  it('finds an attempt that began twice, or that began after a later attempt', () => {
    expect(breaches(submitted, started(2), started(2), completed(2))).toEqual([
      'I3 attempt 2 began twice',
    ])
    expect(breaches(submitted, started(3), started(2), completed(3))).toEqual([
      'I3 attempt-started of attempt 2 after attempt 3 began',
    ])
  })

  it('finds an event of an attempt that never began', () => {
    expect(breaches(submitted, completed(2))).toEqual([
      'I3 completed of attempt 2, which never began',
    ])
  })

  it('finds a call that was finished twice, in one attempt or in two', () => {
    expect(breaches(submitted, called(1, 0), called(1, 0), completed(1))).toEqual([
      'I3 call 0 finished twice',
    ])
    expect(breaches(submitted, called(1, 0), started(2), called(2, 0), completed(2))).toEqual([
      'I3 call 0 finished twice',
    ])
  })

  it('finds sequences that do not ascend', () => {
    const events = [loggedEvent(submitted, 7), loggedEvent(completed(1), 7)]
    const { violations } = checkInvariants(new Map([[TASK, events]]), [])
    expect(violations).toEqual([{ rule: 'I3', taskId: TASK, detail: 'sequence 7 after 7' }])
  })
})

describe('the check of I5 (an answer shows the ending that is stored)', () => {
  const told = (ending: 'completed' | 'cancelled', ...events: readonly TaskEvent[]) =>
    checkInvariants(new Map([[TASK, historyOf(events)]]), [
      { taskId: TASK },
      { taskId: TASK, told: ending },
    ]).violations.map(({ rule, detail }) => `${rule} ${detail}`)

  it('finds an answer that shows an ending that the log does not have', () => {
    expect(told('completed', submitted, completed(1))).toEqual([])
    expect(told('cancelled', submitted, completed(1))).toEqual([
      'I5 told cancelled, stored completed',
    ])
    expect(told('completed', submitted)).toEqual(['I5 told completed, stored nothing'])
  })
})

describe('the check of I4 (one idempotency key leads to one task)', () => {
  const histories = new Map(['a', 'b'].map((id) => [id, historyOf([submitted, completed(1)])]))

  it('finds a key that led to two tasks', () => {
    const accepted = ['a', 'b'].map((taskId) => ({ taskId, tenant: 't', key: 'k' }))
    const { violations } = checkInvariants(histories, accepted)
    expect(violations.map(({ rule, taskId }) => [rule, taskId])).toEqual([['I4', 'b']])
  })

  it('accepts that two tenants use the same key, and that one submission is repeated', () => {
    const accepted = [
      { taskId: 'a', tenant: 't', key: 'k' },
      { taskId: 'a', tenant: 't', key: 'k' },
      { taskId: 'b', tenant: 'u', key: 'k' },
    ]
    expect(checkInvariants(histories, accepted).violations).toEqual([])
  })
})

describe('the count of calls that were paid twice', () => {
  it('adds up the calls of the same step that several simulators have counted', () => {
    const counts = [
      { taskId: 'a', step: '0', started: 1, finished: 0 },
      { taskId: 'a', step: '0', started: 1, finished: 1 },
      { taskId: 'a', step: '2', started: 1, finished: 1 },
      { taskId: 'b', step: '0', started: 2, finished: 2 },
      { taskId: 'c', step: '0', started: 1, finished: 1 },
    ]
    expect(paidTwice(counts)).toEqual({ startedTwice: 2, finishedTwice: 1, stored: [] })
  })

  it('lists a step separately if its call was made again although the answer was already stored', () => {
    const twice = { started: 2, finished: 2 }
    const counts = [
      { taskId: 'a', step: '0', ...twice, lastStartedAtMs: 1_000 },
      { taskId: 'a', step: '2', ...twice, lastStartedAtMs: 3_000 },
      { taskId: 'b', step: '0', ...twice, lastStartedAtMs: 5_000 },
      { taskId: 'c', step: '0', ...twice, lastStartedAtMs: 5_000 },
    ]
    const storedAt = new Map([
      ['a/0', 500],
      ['a/2', 3_500],
      ['b', 4_000],
    ])
    expect(paidTwice(counts, storedAt)).toMatchObject({
      finishedTwice: 4,
      stored: [
        { taskId: 'a', step: '0', storedAtMs: 500, askedAgainAtMs: 1_000 },
        { taskId: 'b', step: '0', storedAtMs: 4_000, askedAgainAtMs: 5_000 },
      ],
    })
  })
})
