import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { createAddressRule, isRange } from '../../src/tools/fetch/address.ts'
import { createHostRule, isHostPattern } from '../../src/tools/fetch/host-rule.ts'
import {
  fetchProblems,
  httpFetchTool,
  type HttpFetchSettings,
} from '../../src/tools/fetch/http-fetch-tool.ts'
import { runTool } from '../../src/tools/run-tool.ts'

const closers: (() => void)[] = []
afterAll(() => {
  for (const close of closers) close()
})

/** Starts a server on 127.0.0.1 that counts its requests. */
async function serve(listener: RequestListener) {
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    listener(request, response)
  })
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}/`, requests: () => requests }
}

function fetchWith(changes: Partial<HttpFetchSettings>) {
  const tool = httpFetchTool({
    allowed: ['*:*'],
    denied: [],
    privateRanges: [],
    bytesMax: 1_000,
    timeoutMs: 2_000,
    ...changes,
  })
  if (tool === undefined) throw new Error('the tool is off')
  return async (url: string) => {
    const outcome = await runTool(
      new Map([['http_fetch', tool]]),
      { id: 'a', name: 'http_fetch', arguments: JSON.stringify({ url }) },
      {
        taskId: 'task',
        tenant: 'acme',
        step: 0,
        deadlineAtMs: Date.now() + 30_000,
        charactersMax: 100_000,
        nowMs: Date.now,
        random: () => 0,
        log: { info() {}, warn() {}, error() {} },
        onStart: () => undefined,
      },
    )
    return outcome.kind === 'answered' ? outcome.output.text : outcome.kind
  }
}

const LOOPBACK = { privateRanges: ['127.0.0.1/32'] }

describe('an IP address that http_fetch connects to', () => {
  const rule = createAddressRule([])

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
    '127.1',
    '1.2.3',
    '0x7f000001',
  ])('%s may not be reached', (address) => {
    expect(rule.allows(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2606:4700:4700::1111',
    '2a00:1450:4001:80b::200e',
  ])('%s may be reached', (address) => {
    expect(rule.allows(address)).toBe(true)
  })

  test('may be reached in every notation if it lies within an allowed range, and otherwise not', () => {
    const inner = createAddressRule(['10.1.0.0/16', 'fd12::/32'])
    expect(['10.1.2.3', '::ffff:10.1.2.3', 'fd12::5'].map(inner.allows)).toEqual([true, true, true])
    expect(['10.2.0.1', 'fd13::5', '127.0.0.1'].map(inner.allows)).toEqual([false, false, false])
  })

  test.each(['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8'])(
    'is accepted in the configuration as the range %s',
    (text) => {
      expect(isRange(text)).toBe(true)
    },
  )
  test.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'host/8', '10.0.0.0/8/8', '/8'])(
    'is refused in the configuration when the range is written as %s',
    (text) => {
      expect(isRange(text)).toBe(false)
    },
  )
})

describe('a URL of http_fetch', () => {
  const rule = createHostRule(
    ['example.com', '*.example.org', 'api.test:8080'],
    ['bad.example.org'],
  )

  test.each([
    'http://example.com/',
    'https://EXAMPLE.com/',
    'https://example.com./x',
    'https://a.b.example.org/',
    'http://api.test:8080/',
  ])('%s is allowed by the configured hosts', (url) => {
    expect(rule.refuses(new URL(url))).toBeUndefined()
  })

  test.each([
    'http://example.com:8080/',
    'http://example.org/',
    'http://notexample.com/',
    'http://example.com.evil.test/',
    'https://bad.example.org/',
    'https://bad.example.org./',
    'http://api.test/',
    'http://user:secret@example.com/',
    'http://user@example.com/',
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://example.com/',
    'data:text/plain,x',
    'http://127.0.0.1/',
  ])('%s is refused by the configured hosts', (url) => {
    expect(rule.refuses(new URL(url))).toEqual(expect.any(String))
  })

  test('must use http or https without credentials even if every host and port is allowed', () => {
    const any = createHostRule(['*:*'], [])
    expect(any.refuses(new URL('http://x.test:99/'))).toBeUndefined()
    expect(any.refuses(new URL('ftp://x.test/'))).toBeDefined()
    expect(any.refuses(new URL('http://u:p@x.test/'))).toBeDefined()
  })

  test('can be allowed only by a valid host pattern, and an invalid pattern is refused', () => {
    expect(
      ['*', '*:*', 'a.test', '*.a.test:81', '[::1]:80', '10.0.0.1'].map(isHostPattern),
    ).toEqual(Array.from({ length: 6 }, () => true))
    expect(['', 'a*.test', 'http://a.test', 'a.test/', 'a:b', '.a'].map(isHostPattern)).toEqual(
      Array.from({ length: 6 }, () => false),
    )
  })
})

describe('http_fetch', () => {
  test('is not offered when no hosts are allowed, and invalid settings are reported', () => {
    const settings = { allowed: [], denied: [], privateRanges: [], bytesMax: 1, timeoutMs: 1 }
    expect(httpFetchTool(settings)).toBeUndefined()
    expect(
      fetchProblems({ ...settings, allowed: ['http://x'], privateRanges: ['10.0.0.0'] }),
    ).toEqual([expect.stringContaining('http://x'), expect.stringContaining('10.0.0.0')])
  })

  test('answers with status, final URL and text', async () => {
    const { url } = await serve((_request, response) => {
      response.setHeader('content-type', 'text/plain; charset=latin1')
      response.end(Buffer.from('caf\xe9', 'latin1'))
    })
    expect(await fetchWith(LOOPBACK)(url)).toBe(
      `HTTP 200 text/plain; charset=latin1\n${url}\n\ncafé`,
    )
  })

  test('does not reach a server on a local address, no matter how the address is written', async () => {
    const { port, requests } = await serve((_request, response) => response.end('secret'))
    const hosts = [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f000001',
      '0x7f.1',
      '0177.0.0.1',
      '127.1',
      '0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[0:0:0:0:0:ffff:127.0.0.1]',
      '127.0.0.1.',
      '①②⑦.0.0.1',
      '[64:ff9b::127.0.0.1]',
      '[::127.0.0.1]',
    ]
    const get = fetchWith({})
    for (const host of hosts) {
      expect(await get(`http://${host}:${port}/`), host).toMatch(/^error: (refused|could not)/)
    }
    expect(requests()).toBe(0)
  })

  test('refuses a name that resolves to a private address, even if it also resolves to a public address', async () => {
    const { port, requests } = await serve((_request, response) => response.end('secret'))
    const resolve = async (host: string) =>
      host === 'mixed.test'
        ? [
            { address: '93.184.216.34', family: 4 },
            { address: '127.0.0.1', family: 4 },
          ]
        : [{ address: '::ffff:127.0.0.1', family: 6 }]
    const get = fetchWith({ resolve })
    expect(await get(`http://mixed.test:${port}/`)).toMatch(/not public/)
    expect(await get(`http://mapped.test:${port}/`)).toMatch(/not public/)
    expect(requests()).toBe(0)
  })

  test('connects to the address that was checked, and resolves a name once', async () => {
    const { port } = await serve((request, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end(`for ${request.headers.host}`)
    })
    let asked = 0
    const resolve = async () => {
      asked += 1
      // A second lookup would return another address, as in a DNS rebinding attack.
      return [{ address: asked === 1 ? '127.0.0.1' : '10.255.255.1', family: 4 }]
    }
    const text = await fetchWith({ ...LOOPBACK, resolve })(`http://rebound.test:${port}/`)
    expect(text).toContain(`for rebound.test:${port}`)
    expect(asked).toBe(1)
  })

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'file:///etc/passwd',
    '//x',
  ])('does not follow a redirect to %s', async (location) => {
    const { url, requests } = await serve((_request, response) => {
      response.writeHead(302, { location })
      response.end()
    })
    const get = fetchWith({ ...LOOPBACK, allowed: ['127.0.0.1:*', '169.254.169.254', '[::1]'] })
    expect(await get(url)).toMatch(/^error: refused/)
    expect(requests()).toBe(1)
  })

  test('follows a bounded number of redirects to allowed hosts', async () => {
    const { url, requests } = await serve((request, response) => {
      const left = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('left'))
      response.setHeader('content-type', 'text/plain')
      if (left > 0) response.writeHead(307, { location: `/?left=${left - 1}` })
      response.end('there')
    })
    const get = fetchWith(LOOPBACK)
    expect(await get(`${url}?left=5`)).toBe(`HTTP 200 text/plain\n${url}?left=0\n\nthere`)
    expect(requests()).toBe(6)
    expect(await get(`${url}?left=6`)).toBe('error: refused: the server sent more than 5 redirects')
  })

  test('cuts a body above its limit, measured after decompression', async () => {
    const { url } = await serve((_request, response) => {
      response.setHeader('content-type', 'text/plain')
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('x'.repeat(50_000_000)))
    })
    const text = await fetchWith(LOOPBACK)(url)
    expect(text).toMatch(/x\n\[cut after 1000 bytes\]$/)
    expect(text.length).toBeLessThan(1_200)
  })

  test('describes a body that is not text by its size', async () => {
    const { url } = await serve((_request, response) => {
      response.setHeader('content-type', 'image/png')
      response.end(Buffer.alloc(10))
    })
    expect(await fetchWith(LOOPBACK)(url)).toContain('[10 bytes that are not text]')
  })

  test('ends at its time limit when a server never ends', async () => {
    const { url } = await serve((_request, response) => {
      response.write('a')
    })
    const get = fetchWith({ ...LOOPBACK, timeoutMs: 200 })
    expect(await get(url)).toBe('error: the tool took longer than 200 ms')
  })

  test('reports to the model that a host does not answer', async () => {
    expect(await fetchWith(LOOPBACK)('http://127.0.0.1:1/')).toMatch(/^error: could not be fetched/)
  })
})
