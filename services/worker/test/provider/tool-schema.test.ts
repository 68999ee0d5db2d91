import { expect, test } from 'vitest'
import { plainParameters } from '../../src/provider/request/tool-schema.ts'

/** Schemas of tools in the keywords that every dialect knows; a new keyword is one row. */

test.each<[string, object, object]>([
  ['an unknown keyword', { $schema: 'x', type: 'object', additionalProperties: false }, {}],
  ['alternatives at the top', { anyOf: [{ required: ['a'] }], type: 'object' }, {}],
  ['no type at all', {}, {}],
])('the parameters of a tool are those of a plain object: %s', (_title, schema, more) => {
  expect(plainParameters(schema as Record<string, unknown>)).toEqual({
    type: 'object',
    properties: {},
    ...more,
  })
})

test.each<[string, unknown, object]>([
  [
    'a text with a form',
    { type: 'string', format: 'uri', pattern: 'x', minLength: 1, description: 'd' },
    { type: 'string', description: 'd' },
  ],
  ['a constant', { const: 'a' }, { type: 'string', enum: ['a'] }],
  ['numbers to choose from', { enum: [1, 2] }, { type: 'number' }],
  ['a type that may be null', { type: ['null', 'integer'] }, { type: 'integer' }],
  [
    'alternatives, one of them null',
    { anyOf: [{ type: 'null' }, { type: 'boolean' }] },
    { type: 'boolean' },
  ],
  ['a list without items', { type: 'array' }, { type: 'array', items: { type: 'string' } }],
  [
    'a reference',
    { $ref: '#/$defs/place' },
    { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] },
  ],
  ['a reference to nothing', { $ref: '#/$defs/other' }, { type: 'string' }],
  [
    'parts that all hold',
    { allOf: [{ $ref: '#/$defs/place' }, { properties: { y: { type: 'number' } } }] },
    { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } } },
  ],
  ['any value', true, { type: 'string' }],
])('an argument of a tool keeps its type and its description: %s', (_title, schema, expected) => {
  const place = {
    type: 'object',
    properties: { x: { type: 'number', minimum: 0 } },
    required: ['x', 'z'],
  }
  const root = { type: 'object', properties: { a: schema }, required: ['a'], $defs: { place } }
  expect(plainParameters(root)).toMatchObject({ properties: { a: expected }, required: ['a'] })
})

test('a schema that contains itself ends', () => {
  const node = {
    type: 'object',
    properties: { left: { $ref: '#/$defs/node' }, right: { $ref: '#/$defs/node' } },
  }
  const plain = plainParameters({
    $defs: { node },
    type: 'object',
    properties: { tree: { $ref: '#/$defs/node' } },
  })
  expect(JSON.stringify(plain).length).toBeLessThan(1_000_000)
})
