import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createClient } from '@agentfleet/client'
import { SHIPPED_AGENTS } from '@agentfleet/domain'
import { CHANNELS } from '@agentfleet/protocol'
import {
  invalidValues,
  requestValues,
  startTestFleet,
  validValues,
  type RequestValues,
  type ValueSchema,
} from '@agentfleet/testkit'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument } from '../src/http/openapi/document.ts'
import { listening, setup } from './support.ts'

/**
 * Every input gets an answer that the document describes. No answer says that the gateway failed,
 * and no service logs an error. At full size more than 10,000 requests go to a whole fleet.
 */

const FULL_SIZE = process.env['TEST_SIZE'] === 'full'
const SEED = 20_260_101
const REQUESTS_PER_OPERATION = FULL_SIZE ? 400 : 20
/** Parallel requests. */
const PARALLEL = 16
/** How a service logs an error. */
const LEVEL_ERROR = /"level":"(?:error|fatal)"/
const METHODS = ['get', 'post', 'put', 'delete'] as const

interface Parameter {
  readonly $ref?: string
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: ValueSchema
}
type Content = Readonly<Record<string, { readonly schema: ValueSchema }>>
interface Operation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<
    Record<string, { readonly $ref?: string; readonly content?: Content }>
  >
}
interface Described extends Operation {
  readonly path: string
  readonly method: (typeof METHODS)[number]
}
interface Sent {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const document = loadDocument()
const components = document['components'] as {
  readonly schemas: Record<string, ValueSchema>
  readonly parameters: Record<string, Parameter>
}
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method): Described[] => {
    const operation = item[method] as Operation | undefined
    if (operation === undefined) return []
    const shared = (item as { parameters?: readonly Parameter[] }).parameters ?? []
    const parameters = [...shared, ...(operation.parameters ?? [])].map(({ $ref, ...own }) =>
      $ref === undefined ? own : (components.parameters[$ref.split('/').at(-1) ?? ''] ?? own),
    )
    return [{ ...operation, parameters, path, method }]
  }),
)

/** Strings that have broken servers, for every place that takes a string. */
const HOSTILE = [
  '',
  ' ',
  '..',
  '%00',
  '%',
  'constructor',
  '__proto__',
  'null',
  '-1',
  '1e400',
  '9007199254740993',
  '😀',
  'a/b',
  "'; DROP TABLE tasks; --",
  'x'.repeat(3_000),
]
/** Bodies that no client library sends. */
const RAW_BODIES = [
  '',
  'null',
  '[]',
  '"x"',
  '{',
  '{"task":"a","task":"b"}',
  '{"__proto__":{"x":1},"task":"a"}',
  '{"task":"a","constructor":{"prototype":{"x":1}}}',
  `{"task":"a","context":${'['.repeat(4_000)}${']'.repeat(4_000)}}`,
  `{"goal":"a","context":${'['.repeat(4_000)}${']'.repeat(4_000)}}`,
  `{"task":"a","context":[${'1e20,'.repeat(150_000)}1]}`,
  '{"task":"a","budget":{"tokens":1e18}}',
  '{"task":"a","notBefore":"0001-01-01T00:00:00Z"}',
  '{"task":"a","notBefore":"12"}',
  '{"task":"a","responseSchema":{"$schema":5}}',
  '{"task":"a","responseSchema":{"$schema":"http://json-schema.org/draft-07/schema#"}}',
  '{"task":"a","responseSchema":{"$ref":"#"}}',
  '{"task":"a","agent":"constructor"}',
  '{"goal":"a","roles":["constructor"]}',
  '{"goal":"a","planner":"constructor"}',
  '{"cron":"0 0 30 2 *","task":{"task":"a"}}',
  '{"cron":"\\u0000 * * * *","task":{"task":"a"}}',
  '{"task":"\\ud800"}',
  '{"task":"a","notBefore":"2027-06-30T23:59:60Z"}',
  '{"task":"a","notBefore":"+010000-01-01T00:00:00Z"}',
  '{"task":"a","context":1e400}',
  '{"task":"a","context":{"deep":[-1e400]}}',
  '{"task":"a","timeoutMs":1e400}',
  '{"task":"a","timeoutMs":-0}',
  `{"task":"a","context":{"${'k'.repeat(500_000)}":1}}`,
  `{"task":"a","context":{${Array.from({ length: 50_000 }, (_, at) => `"k${at}":1`).join()}}}`,
  '{"task":"a","metadata":{"constructor":"x","toString":"y"}}',
  `{"task":"a","metadata":{"${'k'.repeat(5_000)}":"x"}}`,
  '\uFEFF{"task":"a"}',
]

/** The fleet, or the gateway alone, that gets the requests. */
interface Target extends AsyncDisposable {
  readonly url: string
  /** The lines of level error so far. */
  errors(): Promise<readonly string[]>
}

let target: Target
let ids: string[] = []
let values: RequestValues

beforeAll(async () => {
  target = await (FULL_SIZE ? startFleetTarget() : startGatewayTarget())
  const client = createClient({ baseUrl: target.url })
  const tasks = await Promise.all(['a', 'b'].map((task) => client.submit({ task })))
  const answer = await fetch(`${target.url}/v1/goals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ goal: 'x' }),
  })
  const goal = (await answer.json()) as { readonly id: string }
  ids = [...tasks, goal].map(({ id }) => id)
  values = requestValues(components.schemas, Object.keys(SHIPPED_AGENTS), Date.now(), {
    dependsOn: fc.uniqueArray(fc.constantFrom(...ids)),
    agentVersion: fc.constantFrom(1, 2, 1_000_000_000),
  })
}, 90_000)
afterAll(() => target?.[Symbol.asyncDispose]())

async function startGatewayTarget(): Promise<Target> {
  const lines: string[] = []
  const error = (entry: object, message?: string) =>
    void lines.push(`${message}: ${inspect(entry)}`)
  const bench = await setup({}, { error })
  // No coordinator runs here: every decision comes too late, and there are no figures.
  bench.bus.on(CHANNELS.cancel, () => Promise.resolve({ kind: 'finished' as const }))
  bench.bus.on(CHANNELS.approve, () => Promise.resolve({ kind: 'finished' as const }))
  bench.bus.on(CHANNELS.series, async () => ({ kind: 'series', knownFromMs: 0, series: [] }))
  bench.bus.on(CHANNELS.queues, async () => ({ kind: 'queues', atMs: 1, queues: [] }))
  await listening(bench.bus)
  return {
    url: bench.gateway.url(),
    errors: async () => lines,
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  }
}

async function startFleetTarget(): Promise<Target> {
  const test = await startTestFleet({ workers: 2, timeScale: 0.1 })
  const folder = join(test.fleet.dir, 'logs')
  const lines = async (): Promise<string[]> => {
    const files = await readdir(folder)
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
    return texts.flatMap((text) => text.split('\n').filter((line) => LEVEL_ERROR.test(line)))
  }
  // Services that start before the streams exist may say so.
  const before = new Set(await lines())
  return {
    url: test.fleet.url,
    errors: async () => (await lines()).filter((line) => !before.has(line)),
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  }
}

function requestsOf(operation: Described): fc.Arbitrary<Sent> {
  const { parameters = [], requestBody } = operation
  const texts = (schema: ValueSchema, name: string): fc.Arbitrary<string> => {
    const known = name === 'id' ? [fc.constantFrom(...ids)] : []
    const valid = validValues(schema, values.source, name).map(String)
    return fc.oneof(
      { weight: 4, arbitrary: fc.oneof(...known, valid) },
      fc.constantFrom(...HOSTILE),
    )
  }
  const places = parameters.map(({ name, schema, ...parameter }) =>
    fc
      .tuple(texts(schema, name), fc.boolean())
      .map(([text, wanted]) => ({ name, text, place: parameter.in, wanted })),
  )
  return fc.tuple(fc.tuple(...places), bodiesOf(requestBody?.content)).map(([found, body]) => {
    let { path } = operation
    const query = new URLSearchParams()
    const headers: Record<string, string> = {}
    for (const { name, text, place, wanted } of found) {
      if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(wellFormed(text)))
      else if (wanted && place === 'query') query.set(name, text)
      else if (wanted) headers[name] = headerText(name, text)
    }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const search = query.size === 0 ? '' : `?${query.toString()}`
    return { path: `${path}${search}`, headers, body }
  })
}

/** A path cannot carry half of a surrogate pair. */
function wellFormed(text: string): string {
  return text.replaceAll(/[\ud800-\udfff]/gu, '?')
}

/** At the small size one operation gets the bodies above 64 KiB, which cost tens of milliseconds each. */
function rawBodiesOf({ operationId, requestBody }: Described): readonly string[] {
  const most = FULL_SIZE || operationId === 'submitTask' ? Infinity : 64 * 1024
  return requestBody === undefined ? [] : RAW_BODIES.filter(({ length }) => length < most)
}

/** Sends a raw body to an existing path. */
function rawRequest({ path }: Described): (body: string) => Sent {
  const place = path
    .replace('{id}', ids[0] ?? '')
    .replace('{step}', '0')
    .replace('{name}', 'raw')
  return (body) => ({ path: place, headers: { 'content-type': 'application/json' }, body })
}

/** Makes a text valid for `fetch`; a wait is as short as possible, because no task ends here. */
function headerText(name: string, text: string): string {
  if (name === 'Prefer') return text.includes('wait') ? 'wait=1' : 'respond-async'
  return text.replaceAll(/[^\t\x20-\x7e]/g, '?')
}

function bodiesOf(content: Content | undefined): fc.Arbitrary<string | undefined> {
  const schema = content?.['application/json']?.schema
  if (schema === undefined) return fc.constant(undefined)
  const valid = validValues(schema, values.source)
  const wrong = valid.chain((sample) => {
    const all = invalidValues(schema, values.source, sample)
    return all.length === 0 ? valid : fc.constantFrom(...all).map(({ value }) => value)
  })
  return fc.oneof(
    { weight: 5, arbitrary: valid.map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: wrong.map((value) => JSON.stringify(value)) },
  )
}

const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: false }))
ajv.addSchema({ $id: 'document', ...document })
const validators = new Map<string, ValidateFunction>()

/** Returns how an answer violates the document; undefined if the document describes it. */
function problemOf(operation: Described, status: number, type: string, text: string) {
  const described = operation.responses[String(status)] ?? operation.responses['default']
  if (described === undefined) return `the document has no answer ${status}`
  const escaped = operation.path.replaceAll('~', '~0').replaceAll('/', '~1')
  const key = operation.responses[String(status)] === undefined ? 'default' : String(status)
  const problem = described.$ref !== undefined
  const media = problem ? 'application/problem+json' : 'application/json'
  if (!problem && described.content === undefined) return text === '' ? undefined : 'has a body'
  if (!type.startsWith(media)) return `is ${type}, not ${media}`
  const at = problem
    ? 'document#/components/schemas/Problem'
    : `document#/paths/${encodeURIComponent(escaped)}/${operation.method}/responses/${key}/content/application~1json/schema`
  let validate = validators.get(at)
  if (validate === undefined) validators.set(at, (validate = ajv.compile({ $ref: at })))
  return validate(JSON.parse(text)) ? undefined : ajv.errorsText(validate.errors)
}

async function send(operation: Described, { path, headers, body }: Sent): Promise<string[]> {
  const response = await fetch(`${target.url}${path}`, {
    method: operation.method.toUpperCase(),
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const { status } = response
  const told = `${operation.method} ${path.slice(0, 100)} ${body?.slice(0, 200) ?? ''}: ${status}`
  // A path that fits no operation any more gets 404.
  if (status === 404 && text.includes('path-not-found')) return []
  if (status >= 500) return [`${told} ${text.slice(0, 300)}`]
  const wrong = problemOf(operation, status, response.headers.get('content-type') ?? '', text)
  return wrong === undefined ? [] : [`${told} ${wrong}: ${text.slice(0, 300)}`]
}

test.each(operations.map((operation) => [operation.operationId, operation] as const))(
  '%s answers every generated request as openapi.yaml describes',
  async (_id, operation) => {
    const size = { numRuns: REQUESTS_PER_OPERATION, seed: SEED }
    const generated = fc.sample(requestsOf(operation), size)
    const requests = [...generated, ...rawBodiesOf(operation).map(rawRequest(operation))]
    const wrong: string[] = []
    for (let start = 0; start < requests.length; start += PARALLEL) {
      const part = requests.slice(start, start + PARALLEL)
      wrong.push(...(await Promise.all(part.map((sent) => send(operation, sent)))).flat())
    }
    expect(wrong).toEqual([])
    expect(await target.errors()).toEqual([])
  },
  FULL_SIZE ? 180_000 : 60_000,
)

test('the test of generated requests sends at least 10,000 requests at full size', () => {
  const raw = operations.reduce((sum, operation) => sum + rawBodiesOf(operation).length, 0)
  const count = operations.length * REQUESTS_PER_OPERATION + raw
  expect(count).toBeGreaterThan(FULL_SIZE ? 10_000 : 1_000)
})

/** Sends bytes unchanged and returns the first line of the answer. */
function statusOf(bytes: Buffer | string): Promise<string> {
  const { hostname, port } = new URL(target.url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', (data: Buffer) => {
      socket.destroy()
      resolve(data.toString('latin1').split('\r\n')[0] ?? '')
    })
  })
}

test('a value is either stored exactly as it was sent or refused: numbers beyond the range of a double and bytes that are not UTF-8 are refused', async () => {
  const post = (body: string) =>
    fetch(`${target.url}/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
  for (const context of ['1e400', '[-1e400]', '{"a":{"b":[1,1e999]}}']) {
    const answer = await post(`{"task":"a","context":${context}}`)
    expect(answer.status, context).toBe(400)
  }
  const { host } = new URL(target.url)
  const head = `POST /v1/tasks HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n`
  const body = Buffer.concat([
    Buffer.from('{"task":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}'),
  ])
  const whole = Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
  expect(await statusOf(whole)).toContain(' 400 ')
  const chunk = Buffer.from(
    `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`,
  )
  const chunked = Buffer.concat([chunk, body, Buffer.from('\r\n0\r\n\r\n')])
  expect(await statusOf(chunked)).toContain(' 400 ')
})

test('requests with many headers, with repeated and nested queries or with an unknown encoding get an answer', async () => {
  const { host } = new URL(target.url)
  const many = Array.from({ length: 3_000 }, (_, at) => `x-${at}: 1\r\n`).join('')
  expect(await statusOf(`GET /v1/tasks HTTP/1.1\r\nhost: ${host}\r\n${many}\r\n`)).toMatch(
    / 4\d\d /,
  )
  for (const query of [
    'limit=1&limit=2',
    'limit[]=1',
    'limit[a]=1',
    'state=',
    '__proto__=1',
    `cursor=${'x'.repeat(6_000)}`,
    '%',
    'limit=1e1',
    'limit=0x10',
  ]) {
    const answer = await fetch(`${target.url}/v1/tasks?${query}`)
    expect(answer.status, query).toBeLessThan(500)
    await answer.text()
  }
  const answer = await fetch(`${target.url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: '{"task":"a"}',
  })
  expect(answer.status).toBeLessThan(500)
  expect(await target.errors()).toEqual([])
})
