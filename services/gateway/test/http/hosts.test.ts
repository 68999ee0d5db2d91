import { request as httpRequest } from 'node:http'
import { loadConfig } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { apiHost, schema } from '../../src/config.ts'
import { hostAllowed, originAllowed, requireLoopback, type Resolve } from '../../src/http/hosts.ts'
import { setup } from '../support.ts'

const allowed = (host: string, reached = '127.0.0.1') =>
  hostAllowed(host, new Set(['fleet.example.com']), () => reached)

test('a gateway accepts requests with a loopback name, with its configured names or with the IP address that was reached', () => {
  for (const own of ['127.0.0.1:8080', '127.8.8.8', '[::1]:8080', 'fleet.example.com:443']) {
    expect(allowed(own), own).toBe(true)
  }
  expect(allowed('FLEET.example.com.')).toBe(true)
  expect(allowed('10.0.0.7:8080', '10.0.0.7')).toBe(true)
  expect(allowed('10.0.0.7:8080', '::ffff:10.0.0.7')).toBe(true)
})

test('a gateway refuses a request with another host name, no matter how the name is written', () => {
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    '127.evil.example',
    '',
    '[',
    '[::1].evil.example',
    '[::1]evil.example:8080',
    '[localhost]',
    '[127.0.0.1]:8080',
    '::1',
    '10.0.0.8',
  ]
  for (const host of [...foreign, 'fleet.example.com.evil.example', '127.0.0.1@evil.example']) {
    expect(allowed(host), host).toBe(false)
  }
})

test('a page may use its own gateway, and every other gateway that allows the origin of the page', () => {
  expect(originAllowed(undefined, 'a:1', [])).toBe(true)
  expect(originAllowed('http://a:1', 'a:1', [])).toBe(true)
  expect(originAllowed('http://b', 'a:1', ['http://b'])).toBe(true)
  expect(originAllowed('http://b', 'a:1', [])).toBe(false)
  expect(originAllowed('null', 'a:1', [])).toBe(false)
})

test('a gateway without keys does not listen on a name that means an address of another network', async () => {
  const named =
    (...addresses: readonly string[]): Resolve =>
    async () =>
      addresses.map((address) => ({ address }))
  await requireLoopback('localhost', named('127.0.0.1', '::1'))
  await requireLoopback('localhost')
  await expect(requireLoopback('localhost', named('::1', '10.0.0.7'))).rejects.toThrow(
    /API_HOST: localhost is 10.0.0.7 on this machine.*write 127.0.0.1/,
  )
})

test('a gateway without keys refuses to listen where other machines reach it', () => {
  const load = (env: Record<string, string>) => loadConfig(schema, env)
  const beyond = ['0.0.0.0', '::', '10.0.0.7', '127.evil.example', '0', '127.1', '::ffff:0.0.0.0']
  for (const host of beyond) {
    expect(() => load({ API_HOST: host }), host).toThrow(
      /API_KEYS: is not set.*API_KEYS=tenant:key/,
    )
  }
  expect(() => load({ API_HOST: '0.0.0.0', API_KEYS: '' })).toThrow(/API_KEYS: is empty/)
  expect(apiHost(load({}))).toBe('127.0.0.1')
  expect(apiHost(load({ API_HOST: '::1' }))).toBe('::1')
  expect(apiHost(load({ API_KEYS: 'acme:0123456789abcdef' }))).toBe('0.0.0.0')
  expect(() => load({ PUBLIC_HOSTS: 'https://a.example' })).toThrow(/PUBLIC_HOSTS.*without scheme/)
})

test.each([
  ['PUBLIC_HOSTS', 'Fleet.example.com'],
  ['PUBLIC_HOSTS', 'fleet.example.com.'],
  ['PUBLIC_HOSTS', 'fleet.example.com:8080'],
  ['PUBLIC_HOSTS', 'flöte.example'],
  ['PUBLIC_HOSTS', '2001:DB8::1'],
  ['PUBLIC_HOSTS', '2001:db8:0:0:0:0:0:1'],
  ['PUBLIC_HOSTS', '[2001:db8::1]'],
  ['PUBLIC_HOSTS', '*.example.com'],
  ['ALLOWED_ORIGINS', 'https://App.example'],
  ['ALLOWED_ORIGINS', 'https://app.example:443'],
  ['ALLOWED_ORIGINS', 'http://app.example:80'],
  ['ALLOWED_ORIGINS', 'https://app.example/'],
  ['ALLOWED_ORIGINS', 'https://kim@app.example'],
  ['ALLOWED_ORIGINS', 'https://*.app.example'],
  ['ALLOWED_ORIGINS', 'https://flöte.example'],
  ['ALLOWED_ORIGINS', 'https://[2001:DB8::1]:8443'],
  ['ALLOWED_ORIGINS', 'https://[::1'],
  ['ALLOWED_ORIGINS', 'app.example'],
  ['ALLOWED_ORIGINS', 'null'],
])('a gateway does not start with %s=%s, which no browser sends', (name, value) => {
  expect(() => loadConfig(schema, { [name]: value })).toThrow(new RegExp(`^[^]*${name}: `))
})

test('a gateway starts with names and origins as browsers send them, and says how an origin is written', () => {
  const names = 'fleet.example.com,xn--flte-6qa.example,10.0.0.7,2001:db8::1'
  const origins =
    'https://app.example,https://app.example:8443,http://[2001:db8::1]:3000,chrome-extension://abcdef'
  const config = loadConfig(schema, { PUBLIC_HOSTS: names, ALLOWED_ORIGINS: origins })
  expect([config.PUBLIC_HOSTS.join(), config.ALLOWED_ORIGINS.join()]).toEqual([names, origins])
  expect(() => loadConfig(schema, { ALLOWED_ORIGINS: 'https://App.example:443' })).toThrow(
    /write https:\/\/app\.example$/,
  )
})

test('a page that uses DNS rebinding cannot reach a route, an unknown path or a stream of the API', async () => {
  await using bench = await setup({
    PUBLIC_HOSTS: 'fleet.example.com',
    ALLOWED_ORIGINS: 'https://console.example.com',
  })
  const url = bench.gateway.url()
  const evil = { host: 'evil.example:8080' }
  for (const path of ['/v1/tasks', '/v1/fleet', '/livez', '/nothing', '/v1/stream']) {
    expect(await answerOf(`${url}${path}`, evil), path).toEqual([403, 'host-refused'])
  }
  const asPage = { host: 'evil.example', origin: 'http://evil.example' }
  expect(await answerOf(`${url}/v1/tasks`, asPage, 'POST')).toEqual([403, 'host-refused'])
  const eventStream = { ...evil, accept: 'text/event-stream' }
  expect(await answerOf(`${url}/v1/tasks/x/events`, eventStream)).toEqual([403, 'host-refused'])
  expect(await opens(url, asPage)).toBe(403)
  // The gateway's own name, and a page of another origin.
  const foreignPage = { origin: 'http://localhost:3000' }
  expect(await answerOf(`${url}/v1/tasks`, foreignPage)).toEqual([403, 'origin-refused'])
  expect(await opens(url, foreignPage)).toBe(403)
  // The configured names and their pages.
  expect((await answerOf(`${url}/livez`, { host: 'fleet.example.com' }))[0]).toBe(200)
  expect(await opens(url, { host: 'fleet.example.com' })).toBe('open')
  const page = { origin: 'https://console.example.com' }
  expect(await opens(url, page)).toBe('open')
  // A browser shows the page an answer only with these headers, and asks before it sends a key.
  const answer = await fetch(`${url}/v1/me`, { headers: page })
  expect(answer.headers.get('access-control-allow-origin')).toBe(page.origin)
  expect(answer.headers.get('vary')).toMatch(/origin/i)
  const ask = (headers: Record<string, string>, path = '/v1/tasks') =>
    fetch(`${url}${path}`, {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST', ...headers },
    })
  const allowed = await ask(page)
  expect([allowed.status, await allowed.text()]).toEqual([204, ''])
  expect(allowed.headers.get('access-control-allow-headers')).toMatch(/authorization.*idempotency/)
  const refused = await ask(foreignPage)
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
  const plain = await fetch(`${url}/v1/me`)
  expect(plain.headers.get('access-control-allow-origin')).toBeNull()
})

/** Returns status and problem code; `fetch` would not let a test set the host. */
function answerOf(url: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
    const sent = httpRequest(url, { headers, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () =>
        resolve([response.statusCode, (JSON.parse(text) as { code?: string }).code]),
      )
    })
    sent.on('error', reject).end()
  })
}

/** Returns the status of the WebSocket upgrade. */
function opens(url: string, headers: Record<string, string>) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, { headers })
  return new Promise<number | 'open' | undefined>((resolve, reject) => {
    socket.once('open', () => resolve('open'))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode))
    socket.once('error', reject)
  }).finally(() => socket.terminate())
}
