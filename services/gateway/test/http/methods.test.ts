import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument } from '../../src/http/openapi/document.ts'
import { setup, type GatewayBench } from '../support.ts'

/** Methods that a path does not have, and HEAD, which each path with GET has. */

const KEY = '0123456789abcdef'
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

let bench: GatewayBench
beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${KEY}` })
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

async function ask(method: string, path: string, key?: string) {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const sent = request(`${bench.gateway.url()}${path}`, { method, headers })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const piece of response) text += String(piece)
  const { statusCode: status, headers: answered } = response
  return { status, headers: answered, text }
}

const PATHS = Object.entries(loadDocument().paths).map(([path, operations]) => {
  const methods = METHODS.filter((method) => operations[method.toLowerCase()] !== undefined)
  return [path, methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]))] as const
})

test.each(PATHS)('%s answers 405 to each method but %j, and names these', async (path, methods) => {
  for (const method of METHODS.filter((each) => !methods.includes(each))) {
    const { status, headers, text } = await ask(method, path.replaceAll(/[{}]/g, ''))
    expect(`${method} ${status}`).toBe(`${method} 405`)
    expect(headers['content-type']).toContain('application/problem+json')
    expect(headers.allow?.split(', ').toSorted()).toEqual(methods.toSorted())
    if (method !== 'HEAD') expect(text).toContain(`accepts ${headers.allow}, and not ${method}.`)
  }
})

test.each(PATHS.filter(([, methods]) => methods.includes('GET')))(
  'HEAD %s is answered like GET without the body',
  async (path) => {
    const place = path.replaceAll(/[{}]/g, '')
    const get = await ask('GET', place, KEY)
    const head = await ask('HEAD', place, KEY)
    expect([head.status, head.text]).toEqual([get.status, ''])
    expect(head.headers['content-type']).toBe(get.headers['content-type'])
  },
)

test.each([undefined, 'wrong'])('HEAD with the key %s is refused', async (key) => {
  expect(await ask('HEAD', '/v1/tasks', key)).toMatchObject({ status: 401, text: '' })
})

test('HEAD names the length of the body that GET gets', async () => {
  const get = await ask('GET', '/v1/me', KEY)
  const head = await ask('HEAD', '/v1/me', KEY)
  expect(head.headers['content-length']).toBe(String(get.text.length))
})

test('an unknown path answers 404 to every method', async () => {
  for (const method of METHODS) {
    const { status, headers } = await ask(method, '/v1/nothing', KEY)
    expect([method, status, headers.allow]).toEqual([method, 404, undefined])
  }
})
