import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import type { PageFile } from '@agentfleet/console'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { servePage, withoutPath } from '../../src/http/page.ts'

const file = (path: string, text: string, immutable: boolean): PageFile => ({
  path,
  type: path.endsWith('.js') ? 'text/javascript' : 'text/html',
  immutable,
  bytes: Buffer.from(text),
  encoded: { br: Buffer.from(`${text} br`), gzip: Buffer.from(`${text} gzip`) },
})
const FILES = [file('index.html', 'index', false), file('assets/a-1.js', 'script', true)]

function appWith(files: readonly PageFile[], publicPath = '') {
  const app = fastify()
  app.setErrorHandler((error, _request, reply) => sendRefusal(reply, refusalOf(error as Error)))
  servePage(app, files, publicPath)
  return app
}

const get = (url: string, headers: Record<string, string> = {}, files = FILES) =>
  appWith(files).inject({ method: 'GET', url, headers })

test('the gateway redirects a browser to the page, and does not redirect a program', async () => {
  const browser = await get('/', { accept: 'text/html,*/*' })
  expect([browser.statusCode, browser.headers.location]).toEqual([302, '/console/'])
  const program = await get('/', { accept: '*/*' })
  expect(program.statusCode).toBe(404)
})

test('every address of a view of the page returns the index file, with a strict content security policy and without caching', async () => {
  for (const url of ['/console/', '/console/tasks', '/console/fleet/node.1']) {
    const answer = await get(url)
    expect([url, answer.statusCode, answer.body]).toEqual([url, 200, 'index'])
    expect(answer.headers['cache-control']).toBe('no-cache')
    const policy = String(answer.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
  }
})

test('a browser may cache a file with a hash in its name, and chooses the encoding of the file', async () => {
  const table = [
    ['', undefined, 'script'],
    ['gzip, deflate', 'gzip', 'script gzip'],
    ['gzip, deflate, br', 'br', 'script br'],
    ['br;q=0, gzip;q=0.5', 'gzip', 'script gzip'],
  ] as const
  for (const [accepted, encoding, body] of table) {
    const answer = await get('/console/assets/a-1.js', { 'accept-encoding': accepted })
    expect([answer.headers['content-encoding'], answer.body]).toEqual([encoding, body])
    expect(answer.headers['cache-control']).toContain('immutable')
  }
})

test('a request for an unchanged file of the page is answered without the contents of the file', async () => {
  const { headers } = await get('/console/')
  const again = await get('/console/', { 'if-none-match': String(headers.etag) })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test('a request for a missing file, or for a page that was not built, gets 404 with an explanation of what to do', async () => {
  const gone = await get('/console/assets/b-2.js')
  expect([gone.statusCode, gone.body]).toEqual([
    404,
    expect.stringContaining('Load the page again.'),
  ])
  const unbuilt = await get('/console/', {}, [])
  expect([unbuilt.statusCode, unbuilt.body]).toEqual([404, expect.stringContaining('npm start')])
})

test('behind a proxy, the index file of the page refers to its files and to the API with the path of the proxy', async () => {
  const html = '<meta name="public-path" content=""><script src="/console/assets/a-1.js">'
  const app = appWith([file('index.html', html, false)], '/team/a')
  const answer = await app.inject({ method: 'GET', url: '/console/tasks' })
  expect(answer.body).toBe(
    '<meta name="public-path" content="/team/a"><script src="/team/a/console/assets/a-1.js">',
  )
  const opened = await app.inject({ method: 'GET', url: '/', headers: { accept: 'text/html' } })
  expect(opened.headers.location).toBe('/team/a/console/')
})

test('the gateway understands a request with and without the path of the proxy', () => {
  const table = [
    ['/team/a/v1/tasks?limit=1', '/v1/tasks?limit=1'],
    ['/v1/tasks', '/v1/tasks'],
    ['/team/a', '/'],
    ['/team/a?x=1', '/?x=1'],
    ['/team/abc', '/team/abc'],
  ] as const
  for (const [url, path] of table) expect(withoutPath(url, '/team/a')).toBe(path)
})
