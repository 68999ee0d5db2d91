import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'
import { claimsOf, startIssuer } from './issuer.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN }
/** Requests in one measurement; their median is stable within some percent. */
const SAMPLES = 300
const FLOOD_PER_SECOND = 10_000

/** Sends wrong keys over a few connections at a steady rate; reports how many were answered. */
const FLOOD = `
const { connect } = require('node:net')
const { workerData } = require('node:worker_threads')
const { port, perSecond, connections, answered, prefix } = workerData
const EVERY_MS = 10
const sockets = new Set()
const open = () => {
  const socket = connect(port, '127.0.0.1')
  socket.on('data', (data) => { Atomics.add(answered, 0, data.toString('latin1').split('HTTP/1.1 ').length - 1) })
  socket.on('error', () => {})
  socket.on('close', () => { sockets.delete(socket); open() })
  sockets.add(socket)
}
for (let count = 0; count < connections; count += 1) open()
let owed = 0
setInterval(() => {
  owed = Math.min(owed + (perSecond * EVERY_MS) / 1000, perSecond / 10)
  for (const socket of sockets) {
    const share = Math.min(owed, Math.ceil((perSecond * EVERY_MS) / 1000 / connections))
    if (share < 1 || socket.writableLength > 65536) continue
    owed -= share
    const request = 'GET /v1/me HTTP/1.1\\r\\nhost: localhost\\r\\nauthorization: Bearer ' + prefix + Math.random().toString(36).slice(2).padEnd(86, 'x').slice(0, 86) + '\\r\\n\\r\\n'
    socket.write(request.repeat(Math.floor(share)))
  }
}, EVERY_MS)
`

test.each(['keys', 'tokens'])(
  '10,000 wrong %s a second from one address at most double the latency of a valid key',
  async (what) => {
    await using issuer = await startIssuer()
    await using bench = await setup({ ...CONFIG, ...issuer.variables })
    const token = await issuer.sign(claimsOf('acme', 'tasks:read'))
    // A forged token costs a check of its signature, because the issuer publishes the key that it names.
    const prefix = what === 'keys' ? 'wrong-' : token.slice(0, token.lastIndexOf('.') + 1)
    const url = bench.gateway.url()
    const medianMs = async () => {
      const times: number[] = []
      for (let sample = 0; sample < SAMPLES; sample += 1) {
        const startedMs = performance.now()
        const answer = await fetch(`${url}/v1/me`, {
          headers: { authorization: `Bearer ${ADMIN}` },
        })
        expect(answer.status).toBe(200)
        await answer.text()
        times.push(performance.now() - startedMs)
      }
      return times.sort((a, b) => a - b)[SAMPLES / 2] ?? Infinity
    }
    await medianMs()
    const quietMs = await medianMs()
    const port = Number(new URL(url).port)
    const answered = new Int32Array(new SharedArrayBuffer(4))
    const workerData = { port, perSecond: FLOOD_PER_SECOND, connections: 20, answered, prefix }
    const flood = new Worker(FLOOD, { eval: true, workerData })
    await medianMs()
    const before = Atomics.load(answered, 0)
    const startedMs = performance.now()
    const floodedMs = await medianMs()
    const rate = (Atomics.load(answered, 0) - before) / ((performance.now() - startedMs) / 1_000)
    await flood.terminate()
    // Proves that the flood was there; a busy machine may not reach the whole rate.
    expect(rate).toBeGreaterThan(FLOOD_PER_SECOND / 4)
    expect(floodedMs).toBeLessThan(quietMs * 2)
  },
)
