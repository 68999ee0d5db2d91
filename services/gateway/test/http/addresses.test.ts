import { createServer } from 'node:http'
import { connect, Socket } from 'node:net'
import { eventually } from '@agentfleet/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { watchAddresses } from '../../src/http/addresses.ts'
import { createIsProxy, networkOf, proxyProblems } from '../../src/http/proxies.ts'
import { setup, type GatewayBench } from '../support.ts'

const KEY = '0123456789abcdef'
const CONFIG = { API_KEYS: `acme:${KEY}`, CONNECTIONS_PER_ADDRESS: '3' }
const opened: { destroy?(): void; terminate?(): void }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) (each.terminate ?? each.destroy)?.call(each)
})

/** A connection that sends nothing yet. */
async function open({ gateway }: GatewayBench): Promise<Socket> {
  const socket = connect(Number(new URL(gateway.url()).port), '127.0.0.1')
  opened.push(socket)
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

/** Sends a request over the connection and returns the beginning of the answer, headers included. */
async function ask(socket: Socket, headers: Record<string, string> = {}): Promise<string> {
  const lines = Object.entries({ host: 'localhost', authorization: `Bearer ${KEY}`, ...headers })
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve))
  socket.write(`GET /v1/me HTTP/1.1\r\n${text}\r\n`)
  return (await answer).toString()
}

/** Opens a stream as a proxy that forwards this address; returns the status of the upgrade. */
function stream({ gateway }: GatewayBench, forwarded: string): Promise<number> {
  const socket = new WebSocket(`${gateway.url().replace('http', 'ws')}/v1/stream`, {
    headers: { authorization: `Bearer ${KEY}`, 'x-forwarded-for': forwarded },
  })
  opened.push(socket)
  socket.on('error', () => undefined)
  return new Promise((resolve) => {
    socket.once('open', () => resolve(101))
    socket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode))
  })
}

describe('without a trusted proxy', () => {
  test('an IP address gets 429 for a connection beyond its limit, and may connect again when one of its connections has ended (L7)', async () => {
    await using bench = await setup(CONFIG)
    const sockets = [await open(bench), await open(bench), await open(bench)]
    expect(await ask(sockets[2]!)).toMatch(/^HTTP\/1\.1 200/)
    const fourth = await open(bench)
    const closed = new Promise((resolve) => fourth.once('close', resolve))
    const refused = await ask(fourth)
    expect(refused).toMatch(/^HTTP\/1\.1 429[^]*retry-after: 5[^]*too-many-connections/i)
    await closed
    sockets[0]!.destroy()
    await eventually(async () => expect(await ask(await open(bench))).toMatch(/^HTTP\/1\.1 200/))
  })

  test('the header X-Forwarded-For of a caller changes neither its address nor its limit of failed logins', async () => {
    await using bench = await setup({ API_KEYS: `acme:${KEY}` })
    const login = async (index: number): Promise<number> => {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': `10.1.1.${index}` }
      return (await fetch(`${bench.gateway.url()}/v1/me`, { headers })).status
    }
    // Together, because the limit allows more logins as time passes.
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, index) => login(index)))
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThan(0)
    expect(statuses).toContain(429)
  })
})

test('an address with thousands of connections over its limit leaves another address the answer that it has too many (L7)', () => {
  const server = createServer()
  // Nothing is read: only the events of the server count.
  server.removeAllListeners('connection')
  const dropped: string[] = []
  watchAddresses(server, {
    isProxy: undefined,
    perAddress: 1,
    dropped: (address) => void dropped.push(address),
  })
  const open = (remoteAddress: string): Socket => {
    const socket = Object.defineProperties(new Socket(), {
      remoteAddress: { value: remoteAddress },
    })
    opened.push(socket)
    server.emit('connection', socket)
    return socket
  }
  for (let count = 0; count < 2_000; count += 1) open('10.0.0.1')
  open('10.0.0.2')
  // It stays open for the answer.
  expect(open('10.0.0.2').destroyed).toBe(false)
  expect(dropped).not.toContain('10.0.0.2')
  expect(dropped).toHaveLength(2_000 - 1 - 250)
})

describe('behind a trusted proxy', () => {
  test('each caller has its own limit, both for requests and for streams (L7)', async () => {
    await using bench = await setup({ ...CONFIG, TRUSTED_PROXIES: '127.0.0.0/8' })
    const statuses: number[] = []
    for (let tries = 0; tries < 4; tries += 1) statuses.push(await stream(bench, '10.1.1.1'))
    expect(statuses).toEqual([101, 101, 101, 429])
    expect(await stream(bench, '10.1.1.2')).toBe(101)
    // The address that the proxy itself has written stands last; a caller can only write before it.
    expect(await stream(bench, '10.9.9.9, 10.1.1.1')).toBe(429)
    const own = await open(bench)
    expect(await ask(own, { 'x-forwarded-for': '10.1.1.1' })).toMatch(/^HTTP\/1\.1 429/)
    expect(await ask(own, { 'x-forwarded-for': '10.1.1.3' })).toMatch(/^HTTP\/1\.1 200/)
  })
})

test('for limits, an IPv6 network counts as one address, and the two forms of an IPv4 address count as the same address', () => {
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:db8::2:3'))
  expect(networkOf('2001:db8:0:1::1')).not.toBe(networkOf('2001:db8::1'))
  expect(networkOf('::ffff:10.0.0.1')).toBe('10.0.0.1')
  // Some proxies forward the port, too, which differs for each connection.
  expect(networkOf('10.0.0.1:51234')).toBe('10.0.0.1')
  expect(networkOf('[2001:db8::1]:443')).toBe(networkOf('2001:db8::1'))
  expect(networkOf('x'.repeat(10_000))).toHaveLength(64)
})

test('TRUSTED_PROXIES takes addresses and networks, and refuses everything else', () => {
  const isProxy = createIsProxy(['10.0.0.0/8', '192.168.0.7', 'fd00::/8'])!
  expect(['10.9.9.9', '::ffff:10.1.1.1', '192.168.0.7', 'fd00::1'].every(isProxy)).toBe(true)
  expect(['11.0.0.1', '192.168.0.8', 'fe80::1', 'unknown', ''].some(isProxy)).toBe(false)
  expect(createIsProxy([])).toBeUndefined()
  const wrong = ['10.0.0.0/33', '10.0.0.0/', 'proxy', '10.0.0.0/8/8', '*', 'fd00::/129']
  expect(proxyProblems(['10.0.0.0/8', '::1', ...wrong])).toHaveLength(wrong.length)
})
