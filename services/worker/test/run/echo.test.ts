import { expect, test } from 'vitest'
import { echoProblem, echoWaitMs, matchesPattern } from '@agentfleet/domain'
import { boundedWait, ECHO_MODELS } from '../../src/run/echo.ts'

test.each([
  ['echo', 0],
  ['echo?ms=50', 50],
  ['echo?ms=9999999', 3_600_000],
  ['echo?ms=-1', undefined],
  ['gpt-4o-mini', undefined],
])('the model %s waits for %s ms', (model, waitMs) => {
  expect(echoWaitMs(model)).toBe(waitMs)
})

test.each(['echo?', 'echo?x=1', 'echo?ms=', 'echo?ms=50&x=1', 'echo?MS=50', 'echo?ms=12345678'])(
  'the model %s is refused by its name',
  (model) => {
    expect(echoProblem(model)).toContain('echo?ms=50')
    expect(echoWaitMs(model)).toBeUndefined()
  },
)

test.each(['echo', 'echo?ms=50', 'echoes', 'gpt-4o-mini'])(
  'the name of the model %s is fine',
  (model) => {
    expect(echoProblem(model)).toBeUndefined()
  },
)

test.each([
  ['echo', true],
  ['echo?ms=50', true],
  ['echo?x=1', false],
  ['echoes', false],
])('whether a node announces that it answers the model %s: %s', (model, isAnnounced) => {
  expect(ECHO_MODELS.some((pattern) => matchesPattern(pattern, model))).toBe(isAnnounced)
})

test('a task with the echo model waits for the requested time if the time is within its limits', () => {
  expect(boundedWait(50, { wallMs: 100 }, 50, 1_000)).toEqual({ forMs: 50 })
})

test('an echo task that is longer than its time budget fails when the budget ends and releases its slot', () => {
  expect(boundedWait(3_600_000, { wallMs: 2_000 }, 500, 60_000)).toMatchObject({
    forMs: 1_500,
    failure: { kind: 'budget' },
  })
})

test('an echo task that is longer than its lifetime fails at its deadline and releases its slot', () => {
  expect(boundedWait(3_600_000, {}, 500, 60_000)).toMatchObject({
    forMs: 60_000,
    failure: { kind: 'deadline' },
  })
  expect(boundedWait(10, {}, 70_000, -5)).toMatchObject({ forMs: 0 })
})
