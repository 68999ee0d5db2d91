import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { setup, type GatewayBench } from '../support.ts'

/** A client that sends many frames at once delays no other client. */
let bench: GatewayBench
beforeAll(async () => {
  bench = await setup()
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`${bench.gateway.url().replace('http', 'ws')}/v1/stream`)
  await once(socket, 'open')
  return socket
}

test('frames that arrive together are served in separate turns, so other clients wait for few of them (L7)', async () => {
  const socket = await open()
  const frames = 200
  const answeredAt: number[] = []
  let turn = 0
  socket.on('message', () => answeredAt.push(turn))
  // One read of the gateway takes all of them.
  const { _socket: wire } = socket as unknown as { _socket: { cork(): void; uncork(): void } }
  wire.cork()
  for (let count = 0; count < frames; count += 1) socket.send('{"type":"ping"}')
  wire.uncork()
  // The gateway runs in this process, so its turns are the turns of this loop.
  for (; answeredAt.length < frames; turn += 1) await nextTurn()
  expect(answeredAt.at(-1)! - answeredAt[0]!).toBeGreaterThan(frames / 4)
  socket.terminate()
})
