import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { NO_USAGE } from '@agentfleet/domain'
import { eventually, listen } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createLlm } from '../../src/llm/llm.ts'
import type { LlmRequest } from '../../src/llm/request.ts'
import {
  bodyOf,
  createHttpFetch,
  readText,
  type LeavingInit,
} from '../../src/provider/http/fetch.ts'
import { GOOD } from './answers.ts'
import { endpoint, llmOptions, providerAt, refuse, sendEvents } from './support.ts'

/** The last moment before a request leaves: a process that was frozen must not pay for the call of another run. */

const POST = { method: 'POST', body: '{}' } as const

/** On this channel node:net names each new connection. */
const OPENED = 'net.client.socket'
interface Opened {
  readonly socket: Socket
}

/** A server that counts the requests that it has read. */
async function startCounting() {
  const counted = { requests: 0 }
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      counted.requests += 1
      response.end('{}')
    })
  })
  const { url, close } = await listen(server)
  const http = createHttpFetch()
  return {
    counted,
    url,
    http,
    async [Symbol.asyncDispose]() {
      http.close()
      await close()
    },
  }
}

test.each([
  ['a new connection leaves once its run is confirmed', false, 0],
  ['a new connection never leaves if its run has ended by then', true, 0],
  ['a connection that is used again leaves once its run is confirmed', false, 1],
  ['a connection that is used again never leaves if its run has ended by then', true, 1],
])('a request over %s (L3)', async (_title, ends, before) => {
  await using world = await startCounting()
  const { counted, url, http } = world
  for (let at = 0; at < before; at += 1) await readText(bodyOf(await http.fetch(url, POST)))
  const run = new AbortController()
  let connecting: boolean[] | undefined
  let resolve = (): void => undefined
  const confirmed = new Promise<void>((done) => (resolve = done))
  const sockets: Socket[] = []
  const seen = (message: unknown): void => void sockets.push((message as Opened).socket)
  subscribe(OPENED, seen)
  const confirm = (): Promise<void> => {
    unsubscribe(OPENED, seen)
    connecting = sockets.map((socket) => socket.connecting)
    return confirmed
  }
  const init: LeavingInit = { ...POST, signal: run.signal, confirm }
  const outcome = http.fetch(url, init).then(
    ({ status }) => status,
    (error: unknown) => String(error),
  )
  await eventually(() => expect(connecting).toEqual(before === 0 ? [false] : []), 5_000)
  // The server has read everything that was sent before this.
  await (await fetch(url, POST)).text()
  expect(counted.requests).toBe(before + 1)
  if (ends) run.abort()
  resolve()
  expect(await outcome).toBe(ends ? 'Error: The call was aborted' : 200)
  expect(counted.requests).toBe(before + (ends ? 1 : 2))
})

test('a call asks again whether its run still owns the task before it repeats a refused request without a field (L3)', async () => {
  await using server = await endpoint((request, response) => {
    if (request['stream_options'] === undefined) sendEvents(response, GOOD)
    else refuse(response, 400, 'Unknown parameter: stream_options')
  })
  let cancel = (): void => undefined
  const confirm = (): undefined => {
    // The run has ended while the process was frozen before it read the refusal.
    if (server.seen.length > 0) cancel()
  }
  const llm = createLlm(llmOptions([providerAt(server.url)]))
  const request: LlmRequest = {
    taskId: 'task',
    step: 0,
    tenant: 'default',
    priority: 'medium',
    sinceMs: Date.now(),
    spent: NO_USAGE,
    model: 'any',
    messages: [{ role: 'user', content: 'say something' }],
    tools: [],
    toolsOptional: true,
    outputTokensMax: undefined,
    deadlineAtMs: Date.now() + 60_000,
    confirm,
    onText: () => undefined,
    onStart: (end) => (cancel = end),
  }
  expect(await llm.call(request)).toEqual({ kind: 'cancelled' })
  llm.close()
  expect(server.seen).toHaveLength(1)
})
