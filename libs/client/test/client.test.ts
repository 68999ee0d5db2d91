import type { ServerFrame } from '@agentfleet/protocol'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { bodyOf } from '../src/body.ts'
import { ClientError, createClient } from '../src/index.ts'

/** A server that plays one scene of a gateway. */
async function setup(scene: { http?: RequestListener; stream?: (socket: WebSocket) => void }) {
  const server = createServer(scene.http)
  if (scene.stream !== undefined) {
    new WebSocketServer({ server, path: '/v1/stream' }).on('connection', scene.stream)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    client: createClient({ baseUrl: url, apiKey: 'k' }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function event(taskId: string, seq: number, type: 'submitted' | 'completed'): ServerFrame {
  return { type: 'event', taskId, seq, event: { type, atMs: 0 } }
}

async function collect(frames: AsyncIterable<object>): Promise<object[]> {
  const all = []
  for await (const frame of frames) all.push(frame)
  return all
}

test('the client turns a refusal into an error that has the problem and the time to retry', async () => {
  await using scene = await setup({
    http: (_request, response) => {
      response.writeHead(503, { 'retry-after': '10', 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({
          type: 'x',
          title: 'Full',
          status: 503,
          detail: 'Later.',
          code: 'log-full',
        }),
      )
    },
  })
  const error = await scene.client.submit({ task: 'x' }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ClientError)
  expect(error).toMatchObject({ status: 503, retryAfterS: 10, problem: { code: 'log-full' } })
})

test('the client works with a gateway below a path of a server, and reports an error if another kind of server answers', async () => {
  const paths: (string | undefined)[] = []
  await using scene = await setup({
    http: ({ url }, response) => {
      paths.push(url)
      response.end('<html>')
    },
  })
  const client = createClient({ baseUrl: `${scene.url}/fleet/` })
  const error = await client.get('x').catch((reason: unknown) => reason)
  expect(paths).toEqual(['/fleet/v1/tasks/x'])
  expect(error).toMatchObject({ status: 200, problem: { code: 'unknown', detail: '<html>' } })
})

test('the client does not follow a redirect, which would turn a submission into a question or lose the key, and says where it leads', async () => {
  const asked: (string | undefined)[] = []
  await using scene = await setup({
    http: ({ url, method }, response) => {
      asked.push(`${method} ${url}`)
      response.writeHead(301, { location: 'https://fleet.example/v1/tasks' }).end('<html>')
    },
  })
  const error = await scene.client.submit({ task: 'x' }).catch((reason: unknown) => reason)
  expect(asked).toEqual(['POST /v1/tasks'])
  expect(error).toMatchObject({
    status: 301,
    problem: {
      code: 'unknown',
      detail:
        'The server redirects to https://fleet.example/v1/tasks. Use the address of the gateway itself.',
    },
  })
  await expect(collect(scene.client.watch(['x']))).rejects.toMatchObject({ status: 301 })
})

test('the client says why no connection came about, and that the gateway did not receive the request', async () => {
  await using scene = await setup({})
  const reason = async (baseUrl: string): Promise<unknown> =>
    createClient({ baseUrl })
      .get('x')
      .catch((error: ClientError) => error.problem.detail)
  expect(await reason(scene.url.replace('http', 'https'))).toBe(
    'The server does not speak TLS (use http:// in place of https://), so the gateway did not receive the request.',
  )
  expect(await reason('http://127.0.0.1:9')).toMatch(/^Node.js sends no requests to this port, /)
  const gone = await setup({})
  await gone[Symbol.asyncDispose]()
  expect(await reason(gone.url)).toMatch(/^No program accepts connections at this address, so /)
})

test('the client reads an answer without a stated length up to a limit, and no further', async () => {
  let sent = 0
  await using scene = await setup({
    http: (_request, response) => {
      const send = (): void => {
        while (sent < 100_000_000 && response.write('é'.repeat(5_000))) sent += 10_000
        if (sent >= 100_000_000) response.end()
        else response.once('drain', send)
      }
      send()
    },
  })
  await expect(fetch(scene.url).then((answer) => bodyOf(answer, 1_000_000))).rejects.toThrow(
    'the answer has more than 1000000 bytes',
  )
  expect(sent).toBeLessThan(100_000_000)
  const short = new Response(new Blob(['é€']).stream())
  expect(await bodyOf(short, 5)).toBe('é€')
})

test('a submission by the client sends the idempotency key, the time to wait and the API key', async () => {
  let seen: object = {}
  await using scene = await setup({
    http: (request, response) => {
      seen = request.headers
      response.end('{}')
    },
  })
  await scene.client.submit({ task: 'x' }, { idempotencyKey: 'k1', waitSeconds: 5 })
  expect(seen).toMatchObject({
    'idempotency-key': 'k1',
    prefer: 'wait=5',
    authorization: 'Bearer k',
  })
})

test('after a broken connection a watch of tasks continues where it stopped, and the watch ends when all its tasks have ended', async () => {
  const asked: { after: unknown }[] = []
  await using scene = await setup({
    stream: (socket) => {
      socket.on('message', (data: Buffer) => {
        asked.push(JSON.parse(String(data)) as { after: unknown })
        const again = asked.length > 1
        for (const frame of again
          ? [event('a', 4, 'submitted'), event('a', 7, 'completed'), event('b', 9, 'completed')]
          : [event('a', 4, 'submitted')]) {
          socket.send(JSON.stringify(frame))
        }
        if (!again) socket.close(1001)
      })
    },
  })
  const frames = await collect(scene.client.watch(['a', 'b'], { after: { b: 2 } }))
  expect(frames.map((frame) => (frame as { seq: number }).seq)).toEqual([4, 7, 9])
  expect(asked.map(({ after }) => after)).toEqual([
    { a: 0, b: 2 },
    { a: 4, b: 2 },
  ])
})

test('a watch of several tasks returns the refusal of one task and continues with the other tasks', async () => {
  await using scene = await setup({
    stream: (socket) => {
      socket.on('message', () => {
        for (const frame of [
          { type: 'error', code: 'task-not-found', detail: 'No.', taskId: 'a' },
          event('b', 1, 'completed'),
        ]) {
          socket.send(JSON.stringify(frame))
        }
      })
    },
  })
  const frames = await collect(scene.client.watch(['a', 'b']))
  expect(frames).toMatchObject([{ code: 'task-not-found' }, { taskId: 'b' }])
})

test('a watch of tasks does not wait for tasks that had ended before the watch began', async () => {
  await using scene = await setup({
    stream: (socket) => {
      socket.on('message', () =>
        socket.send(JSON.stringify({ type: 'subscribed', taskIds: ['a'], ended: ['a'] })),
      )
    },
  })
  expect(await collect(scene.client.watch(['a'], { after: 100 }))).toEqual([])
})

test('a watch of tasks fails when the gateway rejects its message, and does not retry for ever', async () => {
  await using scene = await setup({ stream: (socket) => socket.close(1008, 'nonsense') })
  await expect(collect(scene.client.watch(['a']))).rejects.toMatchObject({
    problem: { code: 'stream-closed' },
  })
})

test('a watch of tasks fails when a message of the stream is not a frame, because another kind of server sends it', async () => {
  for (const message of ['<html>', 'null', '7', '{"type":']) {
    await using scene = await setup({ stream: (socket) => socket.send(message) })
    const watch = collect(scene.client.watch(['a']))
    await expect(watch).rejects.toMatchObject({ problem: { code: 'unknown', detail: message } })
  }
})

test('a watch of tasks with a largest absence reports a broken connection once and fails if no new connection works in time', async () => {
  const scene = await setup({
    stream: (socket) => {
      socket.on('message', () => socket.send(JSON.stringify(event('a', 4, 'submitted'))))
    },
  })
  const reports: string[] = []
  const onAway = ({ problem }: ClientError) => reports.push(problem.code)
  const watching = collect(scene.client.watch(['a'], { awayMaxMs: 300, onAway }))
  await scene[Symbol.asyncDispose]()
  await expect(watching).rejects.toMatchObject({ problem: { code: 'unreachable' } })
  expect(reports).toEqual(['unreachable'])
})

test('a watch and a follower whose stream is refused connect again only after the time that the gateway has asked for', async () => {
  const at: number[] = []
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    at.push(performance.now())
    if (at.length % 2 === 1) {
      const problem = { title: 'Busy', status: 429, detail: 'Wait.', code: 'rate-limited' }
      const body = JSON.stringify(problem)
      const length = Buffer.byteLength(body)
      const head429 = `HTTP/1.1 429 Busy\r\nretry-after: 1\r\ncontent-length: ${length}\r\n\r\n`
      socket.end(head429 + body)
      return
    }
    sockets.handleUpgrade(request, socket, head, (stream) => {
      stream.on('message', () => {
        stream.send(JSON.stringify(event('a', 4, 'completed')))
        stream.send(JSON.stringify({ type: 'subscribed' }))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = createClient({ baseUrl: `http://127.0.0.1:${port}` })
  await collect(client.watch(['a']))
  const stop = new AbortController()
  for await (const frame of client.follow(['decisions'], { signal: stop.signal })) {
    if (frame.type === 'subscribed') break
  }
  stop.abort()
  sockets.close()
  server.closeAllConnections()
  server.close()
  const [first = 0, second = 0, third = 0, fourth = 0] = at
  expect(Math.min(second - first, fourth - third)).toBeGreaterThanOrEqual(1_000)
})

test('a follower of the fleet continues after a broken connection, and learns where the new connection begins', async () => {
  let connections = 0
  const asked: object[] = []
  await using scene = await setup({
    stream: (socket) => {
      connections += 1
      const decision = { id: `d${connections}` }
      socket.on('message', (data: Buffer) => {
        asked.push(JSON.parse(String(data)) as object)
        socket.send(JSON.stringify({ type: 'subscribed', fleet: ['decisions'] }))
        socket.send(JSON.stringify({ type: 'decision', decision }))
        if (connections === 1) socket.close(1001)
      })
    },
  })
  const seen: object[] = []
  for await (const frame of scene.client.follow(['decisions'])) {
    if (seen.push(frame) === 4) break
  }
  expect(seen).toMatchObject([
    { type: 'subscribed' },
    { decision: { id: 'd1' } },
    { type: 'subscribed' },
    { decision: { id: 'd2' } },
  ])
  const ask = { type: 'subscribe', fleet: ['decisions'] }
  expect(asked).toEqual([ask, ask])
})

test('a follower of the fleet fails when the gateway rejects its message, and does not retry for ever', async () => {
  await using scene = await setup({
    stream: (socket) => {
      socket.on('message', () =>
        socket.send(JSON.stringify({ type: 'error', code: 'bad-frame', detail: 'No.' })),
      )
    },
  })
  await expect(collect(scene.client.follow(['incidents']))).rejects.toMatchObject({
    problem: { code: 'bad-frame', detail: 'No.' },
  })
})

test('a request for a list sends only the filters that the caller has given', async () => {
  const asked: (string | undefined)[] = []
  await using scene = await setup({
    http: (request, response) => {
      asked.push(request.url)
      response.end('{}')
    },
  })
  await scene.client.decisions({ service: 'autoscaler', limit: 5 })
  await scene.client.incidents()
  await scene.client.fleet({ history: false })
  await scene.client.incident('a/b')
  expect(asked).toEqual([
    '/v1/decisions?service=autoscaler&limit=5',
    '/v1/incidents',
    '/v1/fleet?history=false',
    '/v1/incidents/a%2Fb',
  ])
})

test('a watch ends with the reason of the abort signal that its caller gave', async () => {
  await using scene = await setup({ stream: () => {} })
  const abort = new AbortController()
  const watching = collect(scene.client.watch(['a'], { signal: abort.signal }))
  abort.abort(new Error('enough'))
  await expect(watching).rejects.toThrow('enough')
})

test.each(['', '.', '..'])(
  'the client sends no request for the id "%s", which would reach another path',
  async (id) => {
    const asked: unknown[] = []
    await using scene = await setup({
      http: (request, response) => {
        asked.push(request.url)
        response.end('{}')
      },
    })
    const { client } = scene
    const calls = [
      client.get(id),
      client.cancel(id),
      client.deleteAgent(id),
      client.goal(id),
      client.revokeKey(id),
      client.drainNode(id),
      client.decision(id),
      client.text(id),
    ]
    const outcomes = await Promise.allSettled(calls)
    const reasons = outcomes.map((each) => (each.status === 'rejected' ? each.reason : undefined))
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(ClientError)
      expect(reason).toMatchObject({ status: 400, problem: { code: 'invalid-request' } })
    }
    expect(asked).toEqual([])
  },
)

test('the client sends any other id as one part of the path', async () => {
  const asked: (string | undefined)[] = []
  await using scene = await setup({
    http: (request, response) => {
      asked.push(request.url)
      response.end('{}')
    },
  })
  for (const id of ['a/../b', '%2e%2e', '...', 'a?b#c', '\u{1F600}', '\ud800']) {
    await scene.client.get(id)
  }
  expect(asked.map((url) => url?.replace('/v1/tasks/', ''))).toEqual([
    'a%2F..%2Fb',
    '%252e%252e',
    '...',
    'a%3Fb%23c',
    '%F0%9F%98%80',
    '%EF%BF%BD',
  ])
})
