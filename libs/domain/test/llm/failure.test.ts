import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classifyFailure, isNodeFailure, type Failure } from '../../src/index.ts'

describe('classifyFailure', () => {
  test.each([
    [429, 'provider-overloaded', true],
    [408, 'provider-timeout', true],
    [504, 'provider-timeout', true],
    [409, 'provider-unavailable', true],
    [500, 'provider-unavailable', true],
    [503, 'provider-unavailable', true],
    [520, 'provider-unavailable', true],
    [524, 'provider-timeout', true],
    [529, 'provider-unavailable', true],
    [425, 'provider-unavailable', true],
    [498, 'provider-unavailable', true],
    [499, 'provider-unavailable', true],
    [302, 'provider-refused', false],
    [413, 'provider-refused', false],
    [418, 'provider-refused', false],
    [400, 'provider-refused', false],
    [401, 'provider-refused', false],
    [403, 'provider-refused', false],
    [404, 'provider-refused', false],
    [422, 'provider-refused', false],
  ])('the HTTP status %i of a provider leads to the error code %s', (status, code, retryable) => {
    expect(classifyFailure({ kind: 'status', status, message: '' })).toEqual({ code, retryable })
  })

  test.each([
    ['connection', 'provider-unavailable', true],
    ['malformed', 'provider-unavailable', true],
    ['timeout', 'provider-timeout', true],
    ['defect', 'worker-defect', true],
    ['withheld', 'provider-refused', false],
    ['no-provider', 'provider-refused', false],
    ['output-too-large', 'output-too-large', false],
    ['too-many-turns', 'too-many-turns', false],
    ['too-many-tool-calls', 'too-many-tool-calls', false],
    ['tool-missing', 'tool-missing', true],
    ['tool-denied', 'tool-denied', false],
    ['invalid-output', 'invalid-output', false],
    ['invalid-schema', 'invalid-schema', false],
    ['deadline', 'deadline-exceeded', false],
  ] as const)(
    'a failed call of the kind `%s` leads to the error code %s',
    (kind, code, retryable) => {
      const failure: Failure = { kind, message: '' }
      expect(classifyFailure(failure)).toEqual({ code, retryable })
    },
  )

  test.each([true, false])(
    'a failed tool says whether the call may succeed later: %s',
    (retryable) => {
      const failure: Failure = { kind: 'tool-failed', message: '', retryable }
      expect(classifyFailure(failure)).toEqual({ code: 'tool-failed', retryable })
    },
  )

  test('every client error of HTTP ends the task, except the errors that a retry can overcome', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 499 }), (status) => {
        const { retryable } = classifyFailure({ kind: 'status', status, message: '' })
        return retryable === [408, 409, 425, 429, 498, 499].includes(status)
      }),
    )
  })
})

describe('isNodeFailure', () => {
  test.each(['defect', 'no-provider'] as const)('%s is the fault of the node', (kind) => {
    expect(isNodeFailure({ kind, message: '' })).toBe(true)
  })

  test.each([
    'connection',
    'timeout',
    'malformed',
    'withheld',
    'output-too-large',
    'too-many-turns',
    'too-many-tool-calls',
    'tool-missing',
    'tool-denied',
    'invalid-output',
    'invalid-schema',
    'budget',
    'deadline',
  ] as const)('%s is not the fault of the node', (kind) => {
    expect(isNodeFailure({ kind, message: '' })).toBe(false)
  })

  test('a failed tool or a closed key is not the fault of the node', () => {
    const closed = { kind: 'shut', message: '', retryAfterMs: 1_000 } as const
    expect(isNodeFailure({ kind: 'tool-failed', message: '', retryable: true })).toBe(false)
    expect(isNodeFailure(closed)).toBe(false)
  })

  test('a failure of the provider is not the fault of the node', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), (status) => {
        return !isNodeFailure({ kind: 'status', status, message: '' })
      }),
    )
  })
})
