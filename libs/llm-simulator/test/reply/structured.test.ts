import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { chat, readAnswer, readChunks, startSimulator, textOf } from '../support.ts'

const formatOf = (schema: unknown): { response_format: unknown } => ({
  response_format: { type: 'json_schema', json_schema: { name: 'q', strict: true, schema } },
})

async function valueFor(url: string, schema: unknown): Promise<unknown> {
  const answer = await readAnswer(await chat(url, formatOf(schema)))
  return answer.error ? answer.error : JSON.parse(answer.choices[0]?.message.content ?? '')
}

describe('structured output of the simulator', () => {
  it('satisfies the schema: it has the middle of each range, the first name of each enumeration and the shortest lists', async () => {
    await using simulator = await startSimulator()
    const properties = {
      cause: { type: 'string', enum: ['none', 'burst'] },
      floor: { type: 'integer', minimum: 0, maximum: 3 },
      odd: { type: 'integer', exclusiveMinimum: 4, exclusiveMaximum: 7 },
      step: { type: 'number', minimum: 1, maximum: 2, multipleOf: 0.5 },
      share: { type: 'number', minimum: 0.75, maximum: 0.9 },
      above: { type: 'number', exclusiveMinimum: 5 },
      free: { type: 'number' },
      whole: { type: 'integer', minimum: -Number.MAX_SAFE_INTEGER, maximum: -4 },
      hold: { type: 'boolean' },
      names: { type: 'array', items: { enum: ['a', 'b'] }, minItems: 2, maxItems: 4 },
      note: { type: 'string', maxLength: 40 },
      maybe: { type: ['number', 'null'], minimum: 2 },
      either: { anyOf: [{ $ref: '#/$defs/inner' }, { type: 'null' }] },
      fixed: { const: 'x' },
    }
    const inner = { type: 'object', properties: { n: { type: 'number', maximum: -1 } } }
    const value = await valueFor(simulator.url, {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
      $defs: { inner },
    })
    expect(value).toMatchObject({
      cause: 'none',
      floor: 1,
      odd: 5,
      step: 1.5,
      free: 0,
      whole: -4,
      hold: false,
      names: ['a', 'a'],
      note: '[simulated]',
      maybe: 2,
      either: { n: -1 },
      fixed: 'x',
    })
    const { share, above } = value as { share: number; above: number }
    expect(share).toBeCloseTo(0.825)
    expect(above).toBeGreaterThan(5)
  })

  it('is labelled as simulated, both whole and streamed, and is cut at the requested length', async () => {
    await using simulator = await startSimulator()
    const properties = { a: { type: 'number' }, b: { type: 'string' } }
    const body = formatOf({ type: 'object', properties })
    const whole = await chat(simulator.url, body)
    expect(whole.headers.get('x-simulated')).toBe('true')
    const answer = await readAnswer(whole)
    expect(answer).toMatchObject({ system_fingerprint: 'fp_simulated' })
    const text = '{"a":0,"b":"[simulated]"}'
    expect(answer.choices[0]?.message.content).toBe(text)
    const streamed = await chat(simulator.url, { ...body, stream: true })
    expect(textOf(await readChunks(streamed))).toBe(text)
    const cut = await readAnswer(await chat(simulator.url, { ...body, max_completion_tokens: 1 }))
    expect(cut.choices[0]?.finish_reason).toBe('length')
    const any = { response_format: { type: 'json_object' } }
    const free = await readAnswer(await chat(simulator.url, any))
    expect(free.choices[0]?.message.content).toBe('{"simulated":true}')
  })

  it('does not change the answers of scripts and echo models', async () => {
    const scripts = { s: [{ content: 'not JSON' }] }
    await using simulator = await startSimulator({ scripts })
    const format = formatOf({ type: 'object', properties: {} })
    const scripted = await chat(simulator.url, { model: 'sim-script:s', ...format })
    expect((await readAnswer(scripted)).choices[0]?.message.content).toBe('not JSON')
  })

  it.each([
    ['no end', { $ref: '#' }],
    ['a reference to nothing', { $ref: '#/$defs/x' }],
    ['an endless list', { type: 'array', minItems: 1e9, items: { type: 'boolean' } }],
    ['an unknown type', { type: 'date' }],
    ['an empty range', { type: 'integer', minimum: 1.2, maximum: 1.8 }],
  ])(
    'is not possible for a schema with %s, and the simulator refuses the request',
    async (_, schema) => {
      await using simulator = await startSimulator()
      expect(await valueFor(simulator.url, schema)).toMatchObject({ param: 'response_format' })
    },
  )

  it.each([
    [{ type: 'xml' }],
    [{ type: 'json_schema' }],
    [{ type: 'json_schema', json_schema: { name: 'a b', schema: {} } }],
    [{ type: 'json_schema', json_schema: { name: 'a' } }],
  ])('is not possible in the format %j, and the simulator refuses the request', async (format) => {
    await using simulator = await startSimulator()
    expect((await chat(simulator.url, { response_format: format })).status).toBe(400)
  })

  it('can be parsed by the OpenAI SDK', async () => {
    await using simulator = await startSimulator()
    const client = new OpenAI({ apiKey: 'none', baseURL: `${simulator.url}/v1` })
    const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 7 } } }
    const completion = await client.chat.completions.parse({
      model: 'sim-fast',
      messages: [{ role: 'user', content: '{}' }],
      response_format: { type: 'json_schema', json_schema: { name: 'q', strict: true, schema } },
    })
    expect(completion.choices[0]?.message.content).toBe('{"n":7}')
  })
})
