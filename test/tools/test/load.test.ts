import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { closedLoop, openLoop, postRequest } from '../src/load.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

async function setup(answer: RequestListener) {
  const server = createServer(answer)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return postRequest(`http://127.0.0.1:${port}/v1/tasks`, { task: 'ü' }, { prefer: 'wait=60' })
}

const GOOD = JSON.stringify({ state: 'completed', result: 'ü' })

it('the load generator sends whole requests and counts whole answers, even answers that arrive in pieces', async () => {
  let requests = 0
  const target = await setup((request, response) => {
    requests += 1
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (body !== '{"task":"ü"}' || request.headers['prefer'] !== 'wait=60')
        response.statusCode = 400
      response.setHeader('content-length', Buffer.byteLength(GOOD))
      response.write(GOOD.slice(0, 10))
      setImmediate(() => response.end(GOOD.slice(10)))
    })
  })
  const result = await closedLoop(target, { callers: 4, seconds: 0.2 })
  expect(result.failed).toBe(0)
  expect(result.answered).toBe(requests)
  expect(result.latenciesMs.length).toBe(requests)
  expect(result.latenciesMs).toEqual(Float64Array.from(result.latenciesMs).sort())
})

it('the load generator counts an answer without a completed task as a failure, and shows the answer', async () => {
  let requests = 0
  const target = await setup((_request, response) => {
    requests += 1
    if (requests % 2 === 0) response.statusCode = 503
    response.end(requests % 2 === 0 ? 'too busy' : '{"state":"failed"}')
  })
  const result = await closedLoop(target, { callers: 1, seconds: 0.05 })
  expect(result.answered).toBe(0)
  expect(result.failed).toBe(requests)
  expect(result.firstFailure).toBe('200 {"state":"failed"}')
})

it('the load generator ends with failures when no server listens, and does not try for ever', async () => {
  const target = await setup(() => undefined)
  const [server] = servers.splice(0)
  server?.close()
  const result = await closedLoop(target, { callers: 2, seconds: 0.05 })
  expect(result.answered).toBe(0)
  expect(result.failed).toBeGreaterThanOrEqual(2)
  expect(result.firstFailure).toBe('connection lost')
})

it('the load generator keeps its rate when answers are slow, because it opens more connections', async () => {
  const target = await setup((_request, response) => {
    setTimeout(() => response.end(GOOD), 50)
  })
  const result = await openLoop(target, { perSecond: 200, seconds: 0.5, connectionsMax: 100 })
  expect(result.answered).toBe(100)
  expect(result.failed).toBe(0)
  expect(result.latenciesMs[0]).toBeGreaterThanOrEqual(49)
})

it('the load generator counts requests as failed if it has no free connection for them', async () => {
  // No connection is free again before all requests were due, even on a busy machine.
  const target = await setup((_request, response) => {
    setTimeout(() => response.end(GOOD), 1_000)
  })
  const result = await openLoop(target, { perSecond: 200, seconds: 0.1, connectionsMax: 5 })
  expect(result.answered + result.failed).toBe(20)
  expect(result.answered).toBe(5)
})
