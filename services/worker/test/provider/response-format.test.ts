import type { Json } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { responseFormatOf } from '../../src/provider/request/response-format.ts'

const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  required: ['name', 'age'],
  additionalProperties: false,
}

test('a strict answer format is requested only if the schema follows the rules of strict providers', () => {
  const strict = (schema: Record<string, Json>) => responseFormatOf(schema).json_schema.strict
  expect(strict(PERSON)).toBe(true)
  expect(strict({ ...PERSON, required: ['name'] })).toBe(false)
  expect(strict({ ...PERSON, additionalProperties: true })).toBe(false)
  expect(strict({ type: 'array', items: PERSON })).toBe(false)
  expect(strict({ ...PERSON, $defs: { open: { type: 'object' } } })).toBe(false)
})
