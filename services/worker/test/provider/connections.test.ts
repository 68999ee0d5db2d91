import type { ServerResponse } from 'node:http'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { CALL, delta, DONE, event, GOOD, toolTurn, usage } from './answers.ts'
import { casesOf } from './cases.ts'
import { endpoint, providerAt, runTask, sendEvents } from './support.ts'

/** Bodies and connections as servers and proxies handle them; a new one is one row. */

const OK = { kind: 'completed', result: 'The answer is 42.' }
type Send = (response: ServerResponse) => void
const EVENTS = { 'content-type': 'text/event-stream' }
const packed = (encoding: string, bytes: Uint8Array) => (response: ServerResponse) => {
  response.writeHead(200, { ...EVENTS, 'content-encoding': encoding })
  response.end(bytes)
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes)
  const place = at < 0 ? bytes.length + at : at
  changed[place] = 255 - (bytes[place] ?? 0)
  return changed
}

describe("the body of a provider's answer is read", () => {
  const SENT: Readonly<Record<string, Send>> = {
    'in gzip': packed('gzip', gzipSync(GOOD)),
    'in gzip under its old name': packed('x-gzip', gzipSync(GOOD)),
    'in deflate': packed('deflate', deflateSync(GOOD)),
    'in deflate without its frame': packed('deflate', deflateRawSync(GOOD)),
    'in brotli': packed('br', brotliCompressSync(GOOD)),
    'in gzip without a header': packed('identity', gzipSync(GOOD)),
    'in deflate without a header': packed('identity', deflateSync(GOOD)),
    'in gzip, although its header says br': packed('br', gzipSync(GOOD)),
    'in gzip twice': packed('gzip, gzip', gzipSync(gzipSync(GOOD))),
    'in gzip twice, although its header says once': packed('gzip', gzipSync(gzipSync(GOOD))),
    'in gzip within brotli': packed('gzip, br', brotliCompressSync(gzipSync(GOOD))),
    'in brotli within gzip': packed('br, gzip', gzipSync(brotliCompressSync(GOOD))),
    'in gzip with a wrong checksum': packed('gzip', flipped(gzipSync(GOOD), -6)),
    'in gzip with bytes behind it': packed(
      'gzip',
      Buffer.concat([gzipSync(GOOD), Buffer.from('trailing')]),
    ),
    'in gzip of two members': packed(
      'gzip',
      Buffer.concat([
        gzipSync(delta({ content: 'The answer is 42.' })),
        gzipSync(delta({}, 'stop')),
      ]),
    ),
    'plain with a byte order mark, although its header says gzip': packed(
      'gzip',
      Buffer.from(`\uFEFF${GOOD}`),
    ),
    'plain, although its header names a character set': packed('utf-8', Buffer.from(GOOD)),
    'plain, although its header says gzip': packed('gzip', Buffer.from(GOOD)),
    'plain, although its header says zstd': packed('zstd', Buffer.from(GOOD)),
    'plain, although its header says deflate': packed('deflate', Buffer.from(GOOD)),
    'plain, with a header that says so': packed('identity', Buffer.from(GOOD)),
    'in gzip, cut behind its answer': packed('gzip', gzipSync(GOOD).subarray(0, -8)),
    'in pieces of one byte': (response) => {
      response.writeHead(200, EVENTS)
      for (const byte of Buffer.from(GOOD)) response.write(Buffer.of(byte))
      response.end()
    },
    'with trailers behind it': (response) => {
      response.writeHead(200, { ...EVENTS, trailer: 'x-usage' })
      response.write(GOOD)
      response.addTrailers({ 'x-usage': '18' })
      response.end()
    },
    'behind 30 kB of headers': (response) => {
      response.writeHead(200, { ...EVENTS, 'x-debug': 'x'.repeat(30_000) })
      response.end(GOOD)
    },
    'behind early hints': (response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      sendEvents(response, GOOD)
    },
    'when its finish reason comes long before its text': (response) => {
      response.writeHead(200, EVENTS)
      response.write(delta({ role: 'assistant', content: '' }, 'stop'))
      setTimeout(() => response.end(GOOD), 2_000)
    },
    'when each chunk has a finish reason and one comes late': (response) => {
      response.writeHead(200, EVENTS)
      response.write(delta({ content: 'The' }, 'stop') + delta({ content: ' answer' }, 'stop'))
      setTimeout(
        () => response.end(`${delta({ content: ' is 42.' }, 'stop')}${usage()}${DONE}`),
        2_000,
      )
    },
  }
  test.each(Object.entries(SENT))(
    'although it is sent in an unusual way: %s',
    async (_title, send) => {
      await using server = await endpoint((_request, response) => send(response))
      expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
      expect(server.seen).toHaveLength(1)
    },
  )
})

describe('the answer of a provider becomes one failure after a single request', () => {
  const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2])
  const FAILURES: Readonly<Record<string, Readonly<Record<string, Send>>>> = {
    'without an answer': {
      'when the provider switches to another protocol': (response) =>
        void response.socket?.write(
          'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
        ),
    },
    zstd: {
      'when it is zstd': packed('zstd', ZSTD),
      'when it is zstd without a header': packed('identity', ZSTD),
    },
    'not gzip': {
      'when it is brotli, although its header says gzip': packed('gzip', brotliCompressSync(GOOD)),
    },
    binary: { 'when it is brotli without a header': packed('identity', brotliCompressSync(GOOD)) },
    'more than 3': {
      'when it is gzip four times': packed('gzip', gzipSync(gzipSync(gzipSync(gzipSync(GOOD))))),
    },
    'gzip is defective': {
      'when its gzip is defective in its middle': packed('gzip', flipped(gzipSync(GOOD), 40)),
    },
    'times its size': {
      'when it unpacks to a flood of comments': packed(
        'gzip',
        gzipSync(Buffer.alloc(40_000_000, ': ping\n\n')),
      ),
    },
    '': {
      'when its gzip is cut in its middle': packed('gzip', gzipSync(GOOD).subarray(0, 40)),
      'when its gzip is none': packed('gzip', Buffer.from([1, 2, 3, 4, 5, 6])),
      'when it unpacks to gigabytes': packed('gzip', gzipSync(Buffer.alloc(50_000_000, 'data: x'))),
      'when it is a page': (response) =>
        void response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<!doctype html><p>Please log in'),
      'when it is ten megabytes of JSON': (response) =>
        void response
          .writeHead(200)
          .end(JSON.stringify({ choices: [{ message: { content: 'x'.repeat(10_000_000) } }] })),
      'when its connection is reset': (response) => {
        response.writeHead(200, EVENTS)
        response.write(event({ choices: [{ index: 0, delta: { content: 'The' } }] }), () =>
          response.socket?.resetAndDestroy(),
        )
      },
      'when its headers have no end': (response) => {
        response.writeHead(200, { ...EVENTS, 'x-debug': 'x'.repeat(200_000) })
        response.end(GOOD)
      },
    },
  }
  test.each(casesOf(FAILURES))('%s', async (_title, send, said) => {
    await using server = await endpoint((_request, response) => send(response))
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({
      kind: 'failed',
      failure: { message: expect.stringContaining(said) },
    })
    expect(server.seen).toHaveLength(1)
  })

  test('when the provider resets a reused connection during the answer', async () => {
    await using server = await endpoint((_request, response, seen) => {
      if (seen.length === 1) return sendEvents(response, toolTurn(CALL))
      response.writeHead(200, EVENTS)
      return response.write(delta({ content: 'The' }), () =>
        setTimeout(() => response.socket?.resetAndDestroy(), 50),
      )
    })
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'connection' } })
    expect(server.seen).toHaveLength(2)
  })
})

test('a run ends at its budget when the model calls tools for ever and reports no usage', async () => {
  await using server = await endpoint((_request, response, seen) => {
    const call = {
      index: 0,
      id: `c${seen.length}`,
      function: { name: 'calculate', arguments: `{"expression":"${seen.length}*7"}` },
    }
    sendEvents(
      response,
      `${delta({ content: 'z'.repeat(4_000), tool_calls: [call] })}${delta({}, 'tool_calls')}${DONE}`,
    )
  })
  const { ending } = await runTask([providerAt(server.url)], { budget: { tokens: 2_000 } })
  expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'budget' } })
  expect(server.seen.length).toBeLessThan(4)
})

test('the model learns that its arguments are nested too deep, and the run continues', async () => {
  await using server = await endpoint((_request, response, seen) => {
    const deep = `{"expression":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const call = { ...CALL, function: { name: 'calculate', arguments: deep } }
    sendEvents(response, seen.length > 1 ? GOOD : toolTurn(call))
  })
  const { ending } = await runTask([providerAt(server.url)])
  expect(ending).toMatchObject(OK)
  expect(JSON.stringify(server.seen[1]?.messages.at(-1))).toContain('not JSON')
})
