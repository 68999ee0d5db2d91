import { assert as check, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backoffDelayMs,
  decideBegin,
  decideFailure,
  decideRepair,
  foldHistory,
  LOST_ATTEMPTS_MAX,
  TASK_BACKOFF,
  TIMING,
  type TaskRecord,
} from '../../src/index.ts'

const fresh = foldHistory('id', [
  {
    seq: 1,
    event: {
      type: 'submitted',
      atMs: 1_000,
      tenant: 't',
      specHash: 'h',
      spec: {
        task: 'x',
        agent: 'assistant',
        model: 'echo',
        cpu: 'low',
        memory: 'low',
        priority: 'low',
        timeoutMs: 10_000,
        maxAttempts: 2,
      },
    },
  },
])!
const error = { code: 'provider-overloaded', message: '429' }

describe('beginning a re-issued task', () => {
  it.each<[string, TaskRecord | undefined, number, object]>([
    ['starts the next attempt', fresh, 2_000, { kind: 'start', attempt: 2 }],
    ['reports an unknown task as finished', undefined, 0, { kind: 'finished' }],
    [
      'reports an ended task as finished',
      { ...fresh, state: 'completed' },
      0,
      { kind: 'finished' },
    ],
    ['ends a task whose time is over', fresh, 11_000, { kind: 'fail', reason: 'deadline' }],
    [
      'waits for a retry that is not due',
      { ...fresh, state: 'retrying', retryAtMs: 5_000 },
      4_000,
      { kind: 'not-due', retryAtMs: 5_000 },
    ],
    [
      'gives up on a task that loses every node it runs on',
      { ...fresh, attempt: LOST_ATTEMPTS_MAX + 1 },
      2_000,
      { kind: 'fail', reason: 'lost' },
    ],
    [
      'does not count reported failures as losses',
      { ...fresh, attempt: LOST_ATTEMPTS_MAX + 1, failures: 1 },
      2_000,
      { kind: 'start' },
    ],
  ])(
    'depends on the record of the task and the time: the coordinator %s',
    (_title, record, nowMs, expected) => {
      expect(decideBegin(record, nowMs)).toMatchObject(expected)
    },
  )
})

describe('a failed attempt', () => {
  it('is retried while failures and time remain', () => {
    const decision = decideFailure(fresh, { error, retryable: true }, 2_000, () => 1)
    expect(decision).toEqual({ kind: 'retry', retryAtMs: 3_000, reason: 'retryable' })
  })
  it('is retried no sooner than the provider asked for', () => {
    const asked = { error, retryable: true, retryAfterMs: 4_000 }
    const decision = decideFailure(fresh, asked, 2_000, () => 1)
    expect(decision).toMatchObject({ kind: 'retry', retryAtMs: 7_000 })
  })
  it.each([
    ['is final when it says so', fresh, false, 2_000, 'not-retryable'],
    [
      'is final as the last one allowed',
      { ...fresh, failures: 1 },
      true,
      2_000,
      'attempts-exhausted',
    ],
    ['is final when the retry would come too late', fresh, true, 10_900, 'deadline'],
  ])('is not retried in every case: it %s', (_title, record, retryable, nowMs, reason) => {
    const decision = decideFailure(record, { error, retryable }, nowMs, () => 1)
    expect(decision).toEqual({ kind: 'fail', reason, error })
  })
})

describe('backoff', () => {
  it('stays between its minimum and its growing maximum', () => {
    check(
      property(integer({ min: 1, max: 40 }), integer({ min: 0, max: 1_000 }), (failures, share) => {
        const delay = backoffDelayMs(failures, TASK_BACKOFF, () => share / 1_000)
        const ceiling = Math.min(TASK_BACKOFF.capMs, TASK_BACKOFF.baseMs * 2 ** (failures - 1))
        expect(delay).toBeGreaterThanOrEqual(100)
        expect(delay).toBeLessThanOrEqual(Math.max(100, ceiling))
      }),
    )
  })
})

describe('repair of an unfinished task (L8)', () => {
  const settled = 1_000 + TIMING.followAfterMs
  it.each<[string, TaskRecord, boolean | undefined, number, string]>([
    ['leaves a young task to the process that appended its event', fresh, false, 1_500, 'young'],
    ['issues a pointer that is missing', fresh, false, settled, 'pointer-missing'],
    ['does nothing for a task with a pointer', fresh, true, settled, 'has-pointer'],
    ['looks for the pointer before it decides', fresh, undefined, settled, 'has-pointer'],
    [
      'waits for a backoff',
      { ...fresh, state: 'retrying', retryAtMs: 9_000 },
      false,
      settled,
      'backoff',
    ],
    [
      'issues a retry that is due without looking',
      { ...fresh, state: 'retrying', retryAtMs: 2_000 },
      undefined,
      2_000,
      'retry-due',
    ],
    ['ends a task whose time is over', fresh, true, 11_000, 'deadline'],
  ])(
    'depends on the record, the pointer and the time: repair %s',
    (_title, record, hasPointer, nowMs, reason) => {
      expect(decideRepair(record, hasPointer, TIMING, nowMs).reason).toBe(reason)
    },
  )
})
