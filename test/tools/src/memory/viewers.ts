import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from '@agentfleet/local'
import { clientOf, inParallel, KEYS, type Proof } from './part.ts'

/** Viewers that follow large histories and read nothing, while one viewer reads. */

/** Histories that each viewer follows: together more than the kernel keeps for a connection. */
const HISTORIES = 100
const RESULT_CHARS = 100_000
/** Connections opened at once. */
const PARALLEL = 20
/** A viewer that reads is served within this, milliseconds. */
const SERVED_WITHIN_MS = 3_000
/** The time is measured up to this, milliseconds. */
const LOOKED_FOR_MS = 30_000
/** Checks of the viewer that reads, and the pause between them, milliseconds. */
const CHECKS = 15
const CHECK_EVERY_MS = 2_000
/** A client that is alive sends a ping so often, milliseconds. */
const PING_EVERY_MS = 5_000
const MASK_BIT = 0x80
const TEXT_FRAME = 0x81
/** Length code of a frame whose length takes two bytes. */
const LENGTH_16 = 126

/** Proves that viewers that do not read cost the others nothing, and bounded memory. */
export const provesViewers: Proof = async (fleet, { viewers }, tell) => {
  const wrong: string[] = []
  const histories = new Map<string, string[]>()
  const [first, second, reader] = KEYS
  for (const key of KEYS) {
    const ids: string[] = []
    const task = { task: 'v'.repeat(RESULT_CHARS), model: 'echo' }
    await inParallel(HISTORIES, PARALLEL, async () => {
      const { id, state } = await clientOf(fleet, key).submit(task, { waitSeconds: 60 })
      if (state !== 'completed') wrong.push(`a task is ${state}`)
      ids.push(id)
    })
    histories.set(key, ids)
  }
  const sockets: Socket[] = []
  let ended = 0
  await inParallel(viewers, PARALLEL, async (at) => {
    const key = at % 2 === 0 ? first : second
    const socket = await openStalled(fleet, key, histories.get(key) ?? [])
    socket.once('close', () => (ended += 1))
    sockets.push(socket)
  })
  tell(`${sockets.length} viewers follow ${HISTORIES} histories each and read nothing`)
  const pings = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write(frameOf({ type: 'ping' }))
  }, PING_EVERY_MS)
  let slowestMs = 0
  try {
    for (let check = 0; check < CHECKS; check += 1) {
      const [taskId = ''] = histories.get(reader) ?? []
      slowestMs = Math.max(slowestMs, await timeToReplay(fleet, reader, taskId))
      await delay(CHECK_EVERY_MS)
    }
  } finally {
    clearInterval(pings)
    for (const socket of sockets) socket.destroy()
  }
  tell(`the gateway ended ${ended} of them; a viewer that reads waited ${Math.round(slowestMs)} ms`)
  if (slowestMs > SERVED_WITHIN_MS) wrong.push(`a viewer that reads waited ${slowestMs} ms`)
  return wrong
}

/** The time until a viewer that reads has the whole history of a task, milliseconds. */
async function timeToReplay(fleet: Fleet, key: string, taskId: string): Promise<number> {
  const began = performance.now()
  const signal = AbortSignal.timeout(LOOKED_FOR_MS)
  try {
    for await (const frame of clientOf(fleet, key).watch([taskId], { signal })) void frame
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return performance.now() - began
}

/** A WebSocket connection by hand, so that nothing reads from it. */
async function openStalled(fleet: Fleet, key: string, taskIds: readonly string[]): Promise<Socket> {
  const { hostname, port, host } = new URL(fleet.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('data', (data) =>
      data.toString('latin1').startsWith('HTTP/1.1 101')
        ? resolve()
        : reject(new Error(data.toString('latin1').slice(0, 200))),
    )
    socket.once('close', () => reject(new Error('the gateway refused a viewer')))
  })
  const lines = [
    'GET /v1/stream HTTP/1.1',
    `host: ${host}`,
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
    `authorization: Bearer ${key}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await opened
  socket.pause()
  socket.write(frameOf({ type: 'subscribe', taskIds }))
  return socket
}

/** A masked text frame of a client, with a mask of zeros. */
function frameOf(body: object): Buffer {
  const text = Buffer.from(JSON.stringify(body))
  const head = Buffer.alloc(8)
  head[0] = TEXT_FRAME
  head[1] = MASK_BIT | LENGTH_16
  head.writeUInt16BE(text.length, 2)
  return Buffer.concat([head, text])
}
