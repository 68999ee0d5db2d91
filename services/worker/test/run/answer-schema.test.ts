import type { Json } from '@agentfleet/domain'
import { describe, expect, test } from 'vitest'
import { createAnswerChecks, type AnswerCheck } from '../../src/run/answer-schema.ts'
import { responseFormatOf } from '../../src/provider/response-format.ts'

const checkOf = (schema: Readonly<Record<string, Json>>): AnswerCheck => {
  const check = createAnswerChecks().of(schema)
  if (typeof check !== 'function') throw new Error(check.problem)
  return check
}

const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  required: ['name', 'age'],
  additionalProperties: false,
}

describe('an answer', () => {
  test.each(['{"name":"Ada","age":36}', ' ```json\n{"name":"Ada","age":36}\n```\n'])(
    'that satisfies the schema is its value: %s',
    (text) => {
      expect(checkOf(PERSON)(text)).toEqual({ kind: 'valid', value: { name: 'Ada', age: 36 } })
    },
  )

  test('that does not is told every problem of it', () => {
    const checked = checkOf(PERSON)('{"age":-1,"x":2}')
    expect(checked.kind === 'invalid' && checked.problems).toEqual([
      expect.stringContaining("must have required property 'name'"),
      expect.stringContaining('must NOT have additional properties'),
      expect.stringContaining('/age must be >= 0'),
    ])
  })

  test('that is no JSON says so', () => {
    expect(checkOf(PERSON)('Ada is 36.')).toEqual({
      kind: 'invalid',
      problems: ['the answer is not JSON'],
    })
  })

  test('may be null, when the schema says so', () => {
    expect(checkOf({ type: 'null' })('null')).toEqual({ kind: 'valid', value: null })
  })

  test('is judged by each of two patterns', () => {
    const check = checkOf({
      type: 'object',
      properties: { a: { pattern: '^a+$' }, b: { pattern: '^b+$' } },
    })
    expect(check('{"a":"aa","b":"bb"}').kind).toBe('valid')
    expect(check('{"a":"aa","b":"aa"}').kind).toBe('invalid')
  })

  test('cannot make a pattern run for ever', () => {
    const check = checkOf({ type: 'string', pattern: '^(a+)+$' })
    const startedMs = performance.now()
    expect(check(JSON.stringify(`${'a'.repeat(50_000)}!`)).kind).toBe('invalid')
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })
})

describe('a schema', () => {
  test.each([
    ['with a type that is none', { type: 'thing' }],
    ['that refers to nothing', { $ref: '#/$defs/nowhere' }],
    ['that refers to the outside', { $ref: 'https://example.com/schema' }],
    ['with a pattern that is none', { type: 'string', pattern: '(' }],
    ['that is too long', { const: 'x'.repeat(70_000) }],
  ] as [string, Record<string, Json>][])('%s is refused with the reason', (_what, schema) => {
    expect(createAnswerChecks().of(schema)).toEqual({ problem: expect.any(String) })
  })

  test('is compiled once, and forgotten when many others came', () => {
    const checks = createAnswerChecks()
    const first = checks.of(PERSON)
    expect(checks.of({ ...PERSON })).toBe(first)
    for (let n = 0; n < 300; n += 1) checks.of({ const: n })
    expect(checks.of(PERSON)).not.toBe(first)
  })

  test('is asked for strictly only when it keeps the rules for that', () => {
    const strict = (schema: Record<string, Json>) => responseFormatOf(schema).json_schema.strict
    expect(strict(PERSON)).toBe(true)
    expect(strict({ ...PERSON, required: ['name'] })).toBe(false)
    expect(strict({ ...PERSON, additionalProperties: true })).toBe(false)
    expect(strict({ type: 'array', items: PERSON })).toBe(false)
    expect(strict({ ...PERSON, $defs: { open: { type: 'object' } } })).toBe(false)
  })
})
