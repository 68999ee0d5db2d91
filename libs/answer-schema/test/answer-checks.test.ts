import type { Json } from '@agentfleet/domain'
import { describe, expect, test } from 'vitest'
import { createAnswerChecks, type JsonSchema } from '../src/index.ts'

/** Long enough for every honest check of this file on a busy machine, milliseconds. */
const JOB_DEADLINE_MS = 2_000
const shared = createAnswerChecks({ jobDeadlineMs: JOB_DEADLINE_MS })
/** The deadline of checks that reach it, each on two threads, milliseconds. */
const REACHED_DEADLINE_MS = 300
const strict = createAnswerChecks({ jobDeadlineMs: REACHED_DEADLINE_MS })
const checks = {
  checkSchema: (schema: JsonSchema) => shared.checkSchema(schema, 'a'),
  check: (schema: JsonSchema, answer: string) => shared.check(schema, answer, 'a'),
}

const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  required: ['name', 'age'],
  additionalProperties: false,
}

/** Definitions that each refer to the next one twice. */
function doubling(links: number, last: JsonSchema = {}): JsonSchema {
  const $defs: Record<string, Json> = { [`d${links}`]: last as Json }
  for (let n = 0; n < links; n += 1) {
    const next = { $ref: `#/$defs/d${n + 1}` }
    $defs[`d${n}`] = { allOf: [next, next] }
  }
  return { $ref: '#/$defs/d0', $defs }
}

describe('the answer of a model', () => {
  test.each(['{"name":"Ada","age":36}', ' ```json\n{"name":"Ada","age":36}\n```\n'])(
    'that satisfies the schema is returned as its parsed value: %s',
    async (text) => {
      const value = { name: 'Ada', age: 36 }
      expect(await checks.check(PERSON, text)).toEqual({ kind: 'valid', value })
    },
  )

  test('that violates the schema is refused with a list of all its problems', async () => {
    expect(await checks.check(PERSON, '{"age":-1,"x":2}')).toEqual({
      kind: 'invalid',
      problems: [
        expect.stringContaining("must have required property 'name'"),
        expect.stringContaining('must NOT have additional properties'),
        expect.stringContaining('/age must be >= 0'),
      ],
    })
  })

  test('that is not JSON gets a problem that says that it is not JSON', async () => {
    const problems = ['the answer is not JSON']
    expect(await checks.check(PERSON, 'Ada is 36.')).toEqual({ kind: 'invalid', problems })
  })

  test('may be null, when the schema says so', async () => {
    expect(await checks.check({ type: 'null' }, 'null')).toEqual({ kind: 'valid', value: null })
  })

  test('is refused if it violates one of two patterns of the schema', async () => {
    const schema = {
      type: 'object',
      properties: { a: { pattern: '^a+$' }, b: { pattern: '^b+$' } },
    }
    expect((await checks.check(schema, '{"a":"aa","b":"bb"}')).kind).toBe('valid')
    expect((await checks.check(schema, '{"a":"aa","b":"aa"}')).kind).toBe('invalid')
  })

  test('cannot make a regular expression of the schema run without end', async () => {
    const schema = { type: 'string', pattern: '^(a+)+$' }
    const answer = JSON.stringify(`${'a'.repeat(50_000)}!`)
    expect((await checks.check(schema, answer)).kind).toBe('invalid')
  })

  test('is checked by the version that the schema declares: in draft-07, a list under `items` describes the items by position', async () => {
    const items = [{ type: 'string' }, { type: 'integer' }]
    const $schema = 'http://json-schema.org/draft-07/schema#'
    const schema = { $schema, type: 'array', items, additionalItems: false }
    expect((await checks.check(schema, '["a",1]')).kind).toBe('valid')
    expect((await checks.check(schema, '["a","b"]')).kind).toBe('invalid')
  })
})

describe('the schema of an answer', () => {
  test.each([
    ['with an unknown type', { type: 'thing' }],
    ['with a reference that has no target', { $ref: '#/$defs/nowhere' }],
    ['with a reference to another document', { $ref: 'https://example.com/schema' }],
    ['with an invalid pattern', { type: 'string', pattern: '(' }],
    ['that is too long', { const: 'x'.repeat(33_000) }],
    ['that is too deep', JSON.parse('{"not":'.repeat(40) + '{}' + '}'.repeat(40)) as JsonSchema],
  ] as [string, JsonSchema][])(
    '%s is refused, and the refusal contains the reason',
    async (_what, schema) => {
      expect(await checks.checkSchema(schema)).toEqual({
        kind: 'bad-schema',
        problem: expect.any(String) as string,
      })
    },
  )

  test.each([
    undefined,
    'https://json-schema.org/draft/2020-12/schema',
    'http://json-schema.org/draft-07/schema#',
    'http://json-schema.org/draft-07/schema',
    'https://json-schema.org/draft-07/schema#',
  ])('may declare the version %s', async ($schema) => {
    const schema = { ...($schema === undefined ? {} : { $schema }), ...PERSON }
    expect(await checks.checkSchema(schema)).toEqual({ kind: 'ok' })
  })

  test.each([5, null, {}, 'x', '', 'http://json-schema.org/draft-04/schema#'])(
    'cannot declare the version %j',
    async ($schema) => {
      expect(await checks.checkSchema({ $schema, ...PERSON })).toMatchObject({
        kind: 'unknown-dialect',
      })
    },
  )

  test('that doubles with each of 40 references is refused before any part of it runs', async () => {
    const problem = expect.stringContaining('100000 parts') as string
    expect(await checks.checkSchema(doubling(40))).toEqual({ kind: 'too-costly', problem })
    expect(await checks.check(doubling(40), '{}')).toEqual({ kind: 'too-costly', problem })
  })

  test('that refers to itself without end is refused', async () => {
    expect(await checks.checkSchema({ $ref: '#' })).toMatchObject({ kind: 'too-costly' })
  })

  test('that describes a tree may refer to itself', async () => {
    const tree = { type: 'object', properties: { left: { $ref: '#' }, right: { $ref: '#' } } }
    expect(await checks.checkSchema(tree)).toEqual({ kind: 'ok' })
    expect((await checks.check(tree, '{"left":{"right":{}}}')).kind).toBe('valid')
    expect((await checks.check(tree, '{"left":{"right":1}}')).kind).toBe('invalid')
  })
})

describe('a check of an answer that takes too long', () => {
  // Each level of the answer doubles the work: the cost depends on the answer. The answer is valid, so
  // that no problems fill the memory: only the deadline can end the check.
  const two = { $ref: '#' }
  const schema = { type: 'object', properties: { a: { allOf: [two, two] } } }
  const deep = '{"a":'.repeat(40) + '{}' + '}'.repeat(40)

  test('ends at its deadline, does not block the event loop and is not repeated', async () => {
    expect(await strict.checkSchema(schema, 'a')).toEqual({ kind: 'ok' })
    let ticks = 0
    const ticking = setInterval(() => (ticks += 1), 10)
    expect(await strict.check(schema, deep, 'a')).toMatchObject({ kind: 'too-costly' })
    clearInterval(ticking)
    expect(ticks).toBeGreaterThan(REACHED_DEADLINE_MS / 100)
    const againMs = performance.now()
    expect(await strict.check(schema, deep, 'a')).toMatchObject({ kind: 'too-costly' })
    expect(performance.now() - againMs).toBeLessThan(REACHED_DEADLINE_MS)
  })

  test('does not prevent waiting checks from returning their results', async () => {
    const other = { ...schema, description: 'another one' }
    const [slow, ...rest] = await Promise.all([
      strict.check(other, deep, 'a'),
      strict.check(PERSON, '{"name":"Ada","age":36}', 'a'),
      strict.checkSchema({ type: 'string' }, 'a'),
    ])
    expect([slow.kind, ...rest.map(({ kind }) => kind)]).toEqual(['too-costly', 'valid', 'ok'])
  })
})

test('the costly check of a tenant does not delay the check of another tenant (L7)', async () => {
  const deep = '{"a":'.repeat(40) + '{}' + '}'.repeat(40)
  const two = { $ref: '#' }
  let first = ''
  // The second thread may still be starting when it is needed for the first time.
  for (let tries = 0; tries < 10 && first !== 'quick'; tries += 1) {
    const schema = { description: `${tries}`, properties: { a: { allOf: [two, two] } } }
    const slow = strict.check(schema, deep, 'busy').then(() => 'slow')
    const quick = strict.check(PERSON, '{"name":"Ada","age":36}', 'quiet').then(() => 'quick')
    first = await Promise.race([slow, quick])
    await slow
  }
  expect(first).toBe('quick')
})

/** One check fills a large part of the memory of a thread with compiled patterns. */
function heavy(n: number): JsonSchema {
  const pattern = (at: number) => ({ pattern: `(\\p{L}[a-z]){500}${n}x${at}` })
  return { allOf: Array.from({ length: 20 }, (_, at) => pattern(at)) }
}

test('a schema does not count as too costly because schemas of another tenant fill the memory of the thread (L7)', async () => {
  const own = createAnswerChecks({ jobDeadlineMs: 30_000, heapMaxMb: 32 })
  const kinds = new Set<string>()
  for (let n = 0; n < 5; n += 1) {
    kinds.add((await own.checkSchema(heavy(n), 'busy')).kind)
    kinds.add((await own.checkSchema({ type: 'string', minLength: n }, 'quiet')).kind)
  }
  expect([...kinds]).toEqual(['ok'])
}, 60_000)

test('a tenant with a thousand schemas leaves what is remembered of the schema of another tenant (L7)', async () => {
  const own = createAnswerChecks({ jobDeadlineMs: REACHED_DEADLINE_MS })
  const two = { $ref: '#' }
  const costly = { properties: { a: { allOf: [two, two] } } }
  const deep = '{"a":'.repeat(40) + '{}' + '}'.repeat(40)
  expect((await own.check(costly, deep, 'quiet')).kind).toBe('too-costly')
  for (let n = 0; n < 1_100; n += 1) {
    const { kind } = await own.checkSchema({ $schema: `unknown-${n}` }, 'busy')
    expect(kind).toBe('unknown-dialect')
  }
  // A remembered schema is not tried again.
  expect((await own.check(costly, '{}', 'quiet')).kind).toBe('too-costly')
})

test('the schemas of a tenant stay compiled while another tenant checks hundreds of schemas (L7)', async () => {
  const own = createAnswerChecks()
  const schema = {
    allOf: Array.from({ length: 20 }, (_, at) => ({ pattern: `(\\p{L}){500}${at}` })),
  }
  const timed = async () => {
    const startedMs = performance.now()
    expect((await own.check(schema, '1', 'quiet')).kind).toBe('valid')
    return performance.now() - startedMs
  }
  // The thread starts first.
  await own.checkSchema({ type: 'null' }, 'quiet')
  const compiledMs = await timed()
  for (let n = 0; n < 100; n += 1) await own.checkSchema({ type: 'string', minLength: n }, 'busy')
  expect(await timed()).toBeLessThan(compiledMs / 3)
})

test('a schema with an enumeration of 1,000 values, and an answer with 5,000 problems, are checked in time', async () => {
  const schema = { type: 'array', items: { enum: Array.from({ length: 1_000 }, (_, n) => n) } }
  const answer = JSON.stringify(Array.from({ length: 5_000 }, (_, n) => `x${n}`))
  const checked = await checks.check(schema, answer)
  expect(checked.kind).toBe('invalid')
})

test('answers that wait for their check take at most 32 MB, and further answers get the result `busy` (L7)', async () => {
  const answer = JSON.stringify('x'.repeat(1_000_000))
  const all = Array.from({ length: 40 }, () => checks.check({ type: 'string' }, answer))
  const kinds = (await Promise.all(all)).map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(6)
  expect(kinds.filter((kind) => kind === 'valid')).toHaveLength(34)
  expect((await checks.check({ type: 'string' }, answer)).kind).toBe('valid')
})

test('tenants take turns: the check of a tenant waits for at most one check of another tenant, which has a thousand (L7)', async () => {
  const own = createAnswerChecks()
  // One thread is ready, so the first check of the flood is at work.
  await own.checkSchema({ type: 'null' }, 'busy')
  let refused = 0
  const done: string[] = []
  const schemaOf = (n: number) => ({ type: 'string', minLength: n })
  for (let n = 0; n < 1_100; n += 1) {
    void own.checkSchema(schemaOf(n + 10), 'busy').then(({ kind }) => {
      if (kind === 'ok') done.push('busy')
      else refused += 1
    })
  }
  const quiet = own.checkSchema(schemaOf(5), 'quiet').then(({ kind }) => done.push(kind))
  await quiet
  expect(done.indexOf('ok')).toBeLessThanOrEqual(2)
  // The flood leaves room for the checks of other tenants.
  expect(refused).toBe(99)
})

test('a schema may refer to the rules for schemas, which are compiled once for all schemas', async () => {
  const rules = { $ref: 'https://json-schema.org/draft/2020-12/schema' }
  expect((await checks.check(rules, '{"type":"string"}')).kind).toBe('valid')
  expect((await checks.check(rules, '{"type":"text"}')).kind).toBe('invalid')
  const missing = { kind: 'bad-schema', problem: expect.stringContaining("can't resolve") }
  expect(await checks.checkSchema({ $ref: 'https://example.com/schema' })).toEqual(missing)
})

test('a schema with $async is refused, and the next schema is checked as always', async () => {
  const refused = { kind: 'bad-schema', problem: 'must not contain $async' }
  expect(await checks.checkSchema({ $async: true, type: 'object' })).toEqual(refused)
  expect(await checks.checkSchema({ type: 'integer', minimum: 3 })).toEqual({ kind: 'ok' })
})
