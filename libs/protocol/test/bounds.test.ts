/** Every value of a message on the bus is bounded, so that one sender cannot break its receivers. */
import { describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import {
  ALL_CHANNELS,
  CHANNELS,
  heartbeatSchema,
  PAYLOAD_MAX_BYTES,
  reportItemSchema,
  type Channel,
} from '../src/index.ts'

interface Part {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly [key: string]: unknown
}

/** The places of numbers that have no least or no greatest value. */
function unboundedIn(part: unknown, at: string): string[] {
  if (typeof part !== 'object' || part === null) return []
  const { type, minimum, maximum, exclusiveMinimum } = part as Part
  const isNumber = type === 'number' || type === 'integer'
  const hasLeast = minimum !== undefined || exclusiveMinimum !== undefined
  const own = isNumber && (!hasLeast || maximum === undefined) ? [at] : []
  return [...own, ...Object.entries(part).flatMap(([name, of]) => unboundedIn(of, `${at}.${name}`))]
}

const jsonOf = (schema: z.ZodType): unknown =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })

/** Figures for people, which are only shown: no service computes with them. */
const SHOWN = /\.(figures|inputs|answer)\.additionalProperties|\.phi$|\.costUsd$/

test.each(ALL_CHANNELS.map((channel) => [channel.name, channel] as const))(
  'every number in a message of the channel %s has a least and a greatest value (L7)',
  (name, { body, reply }: Channel) => {
    const parts = [body.schema, body.items?.schema, reply?.schema, reply?.items?.schema]
    const found = parts.flatMap((part) =>
      part === undefined ? [] : unboundedIn(jsonOf(part), name),
    )
    expect(found.filter((at) => !SHOWN.test(at))).toEqual([])
  },
)

test('every channel has a largest message, and every answer has one, too (L7)', () => {
  for (const { name, bytesMax, reply, replyBytesMax } of ALL_CHANNELS) {
    expect(bytesMax, name).toBeLessThanOrEqual(PAYLOAD_MAX_BYTES)
    expect(replyBytesMax !== undefined, name).toBe(reply !== undefined)
  }
})

const heartbeat = {
  nodeId: 'n1',
  incarnation: 1,
  version: 1,
  slots: 4,
  active: 1,
  queued: 0,
  cpu: 0.5,
  memory: 0.5,
  memoryBytes: 1,
  lagMs: 1,
  responseMs: 1,
  completed: 1,
  failed: 0,
  draining: false,
  startedAtMs: 1_700_000_000_000,
}

describe('a heartbeat', () => {
  const numbers = Object.entries(heartbeat).flatMap(([name, value]) =>
    typeof value === 'number' ? [name] : [],
  )
  const wrong = [-1, -0.001, 1e300, 2 ** 53, null, '1', true, [], {}]
  it.each(numbers.flatMap((name) => wrong.map((value) => [name, JSON.stringify(value)] as const)))(
    'is refused when %s is %s',
    (name, value) => {
      const said = JSON.parse(JSON.stringify(heartbeat).replace(`"${name}":`, `"_":`)) as object
      const message = { ...said, [name]: JSON.parse(value) as unknown }
      expect(heartbeatSchema.safeParse(message).success).toBe(false)
    },
  )

  it.each(['1e999', '-1e999'])('is refused when a number is %s', (text) => {
    const said = JSON.stringify(heartbeat).replace('"cpu":0.5', `"cpu":${text}`)
    expect(heartbeatSchema.safeParse(JSON.parse(said)).success).toBe(false)
  })

  it('is readable with the largest values, and their sums over a whole fleet are exact', () => {
    const { maximum } = (jsonOf(heartbeatSchema) as { properties: Record<string, Part> })
      .properties['completed']!
    expect(Number.isSafeInteger((maximum ?? Infinity) * 10_000)).toBe(true)
    expect(heartbeatSchema.safeParse({ ...heartbeat, completed: maximum }).success).toBe(true)
  })
})

describe('a report', () => {
  const ran = { taskId: 't', claim: 'c', reportId: 'r', expect: 1, attempt: 1 }
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const placed = { node: 'n', reason: 'r', balancer: 'b', considered: 1, atMs: 1 }
  const complete = { op: 'complete', ...ran, result: 'x', usage }
  it.each([
    [
      'counts more tokens than any task uses',
      { ...complete, usage: { ...usage, inputTokens: 1e15 } },
    ],
    ['counts a negative cost', { ...complete, usage: { ...usage, costUsd: -1 } }],
    ['counts an endless cost', { ...complete, usage: { ...usage, costUsd: 1e300 } }],
    ['names a placement in no year', { ...complete, placed: { ...placed, atMs: 1e300 } }],
    ['names a call in no year', { ...complete, lastCall: { startedAtMs: 1e300 } }],
    [
      'waits until no year',
      { op: 'pause', ...ran, wait: { kind: 'time', untilMs: 8_640_000_000_000_001 } },
    ],
    [
      'asks for an endless backoff',
      {
        op: 'fail',
        ...ran,
        error: { code: 'x', message: 'x' },
        retryable: true,
        retryAfterMs: 1e300,
      },
    ],
    [
      'names a model of a million characters',
      { ...complete, by: { provider: 'p', model: 'm'.repeat(1e6) } },
    ],
  ])('is refused when it %s', (_, item) => {
    expect(reportItemSchema.safeParse(complete).success).toBe(true)
    expect(reportItemSchema.safeParse(item).success).toBe(false)
  })
})

test('a decision has at most 64 figures', () => {
  const figures = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, at]))
  const outcome = { decisionId: 'd', service: 's', afterMinutes: 1, atMs: 1 }
  const { schema } = CHANNELS.outcome.body
  expect(schema.safeParse({ ...outcome, figures: figures(64) }).success).toBe(true)
  expect(schema.safeParse({ ...outcome, figures: figures(65) }).success).toBe(false)
})

test('a question for figures may begin and end before 1970', () => {
  const asked = { fromMs: -1, toMs: 0, step: '1h' }
  expect(CHANNELS.series.body.schema.safeParse(asked).success).toBe(true)
})
