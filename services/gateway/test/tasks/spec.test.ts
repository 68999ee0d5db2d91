import { freshPointer, type FilledTaskRequest } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { idempotencyKeyOf, specOf, waitSecondsOf } from '../../src/tasks/spec.ts'

const MEANS = { defaultModel: 'm', clock: systemClock }
const request: FilledTaskRequest = {
  task: 'write',
  agent: 'assistant',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 3,
  placement: 'auto',
}

test('the stored spec of a task has the default model unless the request contains a model, and has no idempotency key', () => {
  const { placement: _usual, ...spec } = request
  expect(specOf({ ...request, idempotencyKey: 'k' }, MEANS)).toEqual({ ...spec, model: 'm' })
  expect(specOf({ ...request, model: 'x' }, MEANS).model).toBe('x')
})

test('the stored spec of a task has the affinity key and the placement mode unless they are the defaults', () => {
  const asked = { ...request, placement: 'advised', affinityKey: 'chat-7' } as const
  expect(specOf(asked, MEANS)).toMatchObject({ placement: 'advised', affinityKey: 'chat-7' })
  expect(specOf(request, MEANS)).not.toHaveProperty('affinityKey')
})

test('the context of a task is stored unchanged, up to 64 levels deep', () => {
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown
  expect(specOf({ ...request, context: null }, MEANS).context).toBeNull()
  expect(specOf({ ...request, context: nested(64) }, MEANS).context).toEqual(nested(64))
  expect(() => specOf({ ...request, context: nested(65) }, MEANS)).toThrow(/64 levels/)
})

const nowMs = Date.now()
const inHours = (hours: number) => new Date(nowMs + hours * 3_600_000).toISOString()

test.each([inHours(-23), inHours(0), inHours(7 * 24 - 1)])(
  'a task may wait for the time %s, which lies between one day ago and seven days ahead',
  (notBefore) => {
    const { notBeforeMs } = specOf({ ...request, notBefore }, MEANS)
    expect(notBeforeMs).toBe(Date.parse(notBefore))
  },
)

test.each([inHours(-25), inHours(7 * 24 + 1), '0001-01-01T00:00:00Z', '2026-12-31T23:59:60Z'])(
  'a task cannot wait for the time %s, and the refusal says what to do',
  (notBefore) => {
    expect(() => specOf({ ...request, notBefore }, MEANS)).toThrow(
      /Correct the request: .notBefore/,
    )
  },
)

test('the context of a task has at most 1 MiB as compact JSON', () => {
  const context = Array.from({ length: 100_000 }, () => 1e20)
  expect(() => specOf({ ...request, context }, MEANS)).toThrow(/1024 KiB/)
})

test.each([
  [undefined, undefined],
  ['respond-async', undefined],
  ['wait=0', undefined],
  ['wait=-3', undefined],
  ['wait=soon', undefined],
  ['await=5', undefined],
  ['wait=5', 5],
  ['Wait = 5', 5],
  ['respond-async, wait=7', 7],
  ['wait="9"', 9],
  ['wait=3600', 60],
  ['wait=99999999999999999999', 60],
])('the header Prefer: %s asks for a wait of %s seconds', (header, seconds) => {
  expect(waitSecondsOf(header)).toBe(seconds)
})

test('an idempotency key that stands both in the header and in the body must be the same in both', () => {
  const keyOf = (header: string | undefined, body: string | undefined) =>
    idempotencyKeyOf({ headers: { 'idempotency-key': header } }, body)
  expect(keyOf('a', undefined)).toBe('a')
  expect(keyOf(undefined, 'b')).toBe('b')
  expect(keyOf('a', 'a')).toBe('a')
  expect(keyOf(undefined, undefined)).toBeUndefined()
  expect(() => keyOf('a', 'b')).toThrow(/idempotencyKey/)
})

test('a pointer carries a spec of at most 8 KiB, and a larger spec is read from the log', () => {
  const pointer = (task: string, context?: string) =>
    pointerTo({ ...request, task, ...(context ? { context } : {}) })
  expect(pointer('x')).toMatchObject({ seq: 5, deadlineAtMs: 61_000, reissue: false })
  expect(pointer('x'.repeat(7_500)).spec).toBeDefined()
  expect(pointer('x'.repeat(8_192)).spec).toBeUndefined()
  expect(pointer('\u0001'.repeat(1_500)).spec).toBeUndefined()
  expect(pointer('x', 'y'.repeat(8_192)).spec).toBeUndefined()
})

test('a pointer has only the fields that placement needs', () => {
  const plain = pointerTo(request)
  expect([plain.affinityKey, plain.placement]).toEqual([undefined, undefined])
  const asked = pointerTo({ ...request, affinityKey: 'talk-7', placement: 'advised' })
  expect([asked.affinityKey, asked.placement]).toEqual(['talk-7', 'advised'])
})

function pointerTo(body: typeof request) {
  return freshPointer({
    taskId: 't',
    tenant: 'default',
    spec: specOf(body, MEANS),
    specHash: '',
    state: 'queued',
    seq: 5,
    submittedSeq: 5,
    submittedAtMs: 1_000,
    updatedAtMs: 1_000,
    attempt: 1,
    failures: 0,
    pauses: 0,
    approvals: [],
    children: [],
    calls: [],
    usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
  })
}
