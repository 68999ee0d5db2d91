/** No credential reaches a log line, an error or an answer when a server refuses it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCacheDir, findBinaries, startNats, startRedis } from '@agentfleet/local'
import { createLogger } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { connectBus, connectRegistry, connectStore } from '../../src/index.ts'
import { readAddress } from '../../src/connection/address.ts'
import { createRedaction } from '../../src/connection/redaction.ts'

/** A password that has to be escaped within a URL. */
const SECRET = 'hunter2/%&s3cret'
const IN_URL = encodeURIComponent(SECRET)

function heard() {
  let text = ''
  const log = createLogger({
    service: 's',
    id: 's-1',
    level: 'debug',
    destination: { write: (line: string) => void (text += line) },
  })
  return { log, lines: () => text }
}

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const remove = () => rm(dir, { recursive: true, force: true })
  return { dir, [Symbol.asyncDispose]: remove }
}

const binaries = () => findBinaries({ cacheDir: defaultCacheDir(process.env) })

const expectClean = (...texts: readonly string[]): void => {
  for (const text of texts) {
    expect(text).not.toBe('')
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain(IN_URL)
    expect(text).not.toContain('hunter2')
  }
}

test('a redacted error contains no secret in its message, its stack, its cause or its fields', () => {
  const { log, lines } = heard()
  const { error } = createRedaction([SECRET, undefined, ''])
  const cause = Object.assign(new Error(`AUTH ${SECRET}`), { command: { args: [SECRET] } })
  const refused = new Error(`refused redis://:${IN_URL}@host`, { cause })
  const clean = error(Object.assign(refused, { code: 'WRONGPASS', statusCode: 403 }))
  expect(clean).toMatchObject({ message: 'refused redis://:[redacted]@host', code: 'WRONGPASS' })
  expect(clean).toMatchObject({ statusCode: 403, cause: { message: 'AUTH [redacted]' } })
  log.error({ err: clean }, 'refused')
  expectClean(lines())
  expect(error('text').message).toBe('text')
})

test('the printable form of a server address contains no credentials', () => {
  const address = readAddress(`redis://user:${IN_URL}@[::1]:7000/2?x=${IN_URL}`, 6379)
  expect(address).toMatchObject({ host: '::1', port: 7000, user: 'user', password: SECRET })
  expect([address.database, readAddress('redis://h', 6379).database]).toEqual([2, 0])
  expect(address.shown).toBe('redis://[::1]:7000')
  expect(readAddress('https://consul.example', 8501)).toMatchObject({ port: 8501, tls: true })
})

test('Redis refuses a password: neither the log nor the error of a call repeats it', async () => {
  await using place = await folder()
  const redis = await startRedis({
    binaries: await binaries(),
    dir: join(place.dir, 'redis'),
    password: 'right',
  })
  const { log, lines } = heard()
  const store = await connectStore({ url: redis.url.replace('//', `//:${IN_URL}@`), log })
  await eventually(() => expect(lines()).toContain('Redis is unavailable for the store'))
  const failed = await store.load('a').catch((error: unknown) => error)
  log.error({ err: failed }, 'call failed')
  expectClean(lines())
  await store.close()
  await redis.stop()
})

test('Redis accepts a password with a percent sign that the URL does not escape', async () => {
  await using place = await folder()
  const dir = join(place.dir, 'redis')
  const redis = await startRedis({ binaries: await binaries(), dir, password: '5%zz' })
  const { log } = heard()
  const store = await connectStore({ url: redis.url.replace('//', '//:5%zz@'), log })
  expect(await store.load('a')).toBeUndefined()
  await store.close()
  await redis.stop()
})

test('NATS refuses a password: neither the log nor the error repeats it', async () => {
  await using place = await folder()
  const users = [{ user: 'gateway', password: 'right' }]
  const nats = await startNats({
    binaries: await binaries(),
    dir: join(place.dir, 'nats'),
    config: { durability: 'process', users },
  })
  const { log, lines } = heard()
  const common = { name: 'n', inboxPrefix: '_INBOX_n', log, connectWithinMs: 300 }
  const inUrl = { ...common, url: nats.url.replace('//', `//gateway:${IN_URL}@`) }
  const beside = { ...common, url: nats.url, user: 'gateway', password: SECRET }
  for (const options of [inUrl, beside]) {
    const failed = await connectBus(options).catch((error: unknown) => error)
    expect(failed).toMatchObject({ name: 'ServiceError', code: 'bus-unavailable' })
    log.error({ err: failed }, 'start failed')
    expectClean(String(failed), lines())
  }
  // The valid credentials are taken from the address.
  const bus = await connectBus({ ...common, url: nats.url.replace('//', '//gateway:right@') })
  await bus.close()
  await nats.stop()
})

test('Consul refuses a call: neither the log nor the error repeats the credentials in its address', async () => {
  const refusing = createServer((request, response) => {
    response.statusCode = 403
    response.end(`no entry for ${IN_URL} (${request.headers.authorization ?? 'nothing'})`)
  })
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  const { port } = refusing.address() as AddressInfo
  const { log, lines } = heard()
  const registry = connectRegistry({ url: `http://user:${IN_URL}@127.0.0.1:${port}`, log })
  const watch = registry.watch('agent-worker', () => undefined)
  const failed = await registry.critical('agent-worker').catch((error: unknown) => error)
  log.error({ err: failed }, 'call failed')
  await eventually(() => expect(lines()).toContain('"level":"warn"'))
  expectClean(lines())
  expect(lines()).not.toContain('"response"')
  watch.close()
  refusing.close()
})
