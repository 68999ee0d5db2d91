/** Encrypted connections to real servers, with an authority of this test's own making, and Consul's tokens. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  drawPorts,
  findBinaries,
  startConsul,
  startNats,
  startRedis,
} from '@agentfleet/local'
import { createLogger } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectBus, connectRegistry, connectStore } from '../../src/index.ts'
import { readTls } from '../../src/connection/tls.ts'
import { createAuthority, type Authority, type CertificateFiles } from './authority.ts'

const MANAGEMENT_TOKEN = '7a1c1c7e-1f1e-4b4b-9d9d-0c0ffee0c0de'
let lines = ''
const destination = { write: (line: string) => void (lines += line) }
const log = createLogger({ service: 's', id: 's-1', level: 'debug', destination })

let dir: string
let authority: Authority
let stranger: Authority
let server: CertificateFiles
let client: CertificateFiles
let binaries: Awaited<ReturnType<typeof findBinaries>>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  authority = await createAuthority(dir, 'authority')
  stranger = await createAuthority(dir, 'stranger')
  server = await authority.issue('server')
  client = await authority.issue('client')
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('NATS: a service connects over TLS, and refuses a server that it cannot verify', async () => {
  const tls = { ...server, clientCaFile: authority.caFile }
  const nats = await startNats({
    binaries,
    dir: join(dir, 'nats'),
    config: { durability: 'process', users: [], tls },
  })
  const plain = await startNats({
    binaries,
    dir: join(dir, 'plain'),
    config: { durability: 'process', users: [] },
  })
  const connect = (url: string, files: object) =>
    connectBus({ url, tls: files, name: 'n', inboxPrefix: '_INBOX_n', log, connectWithinMs: 300 })
  const url = nats.url.replace('nats:', 'tls:')
  const bus = await connect(url, { caFile: authority.caFile, ...client })
  expect(await bus.roundTrip(20_000)).toBe(true)
  await bus.close()
  const unavailable = { code: 'bus-unavailable' }
  await expect(connect(url, { caFile: authority.caFile })).rejects.toMatchObject(unavailable)
  await expect(connect(url, { caFile: stranger.caFile, ...client })).rejects.toMatchObject(
    unavailable,
  )
  // A server that does not encrypt gets no password.
  const downgraded = plain.url.replace('nats:', 'tls:')
  await expect(connect(downgraded, { caFile: authority.caFile })).rejects.toMatchObject(unavailable)
  await Promise.all([nats.stop(), plain.stop()])
})

test('Redis: a service connects over TLS, and refuses a server that it cannot verify', async () => {
  const [port = 0] = await drawPorts(1)
  const redis = await startRedis({
    binaries,
    dir: join(dir, 'redis'),
    password: 'right',
    tls: { port, ...server, clientCaFile: authority.caFile },
  })
  const url = `rediss://:right@127.0.0.1:${port}`
  const load = async (files: object): Promise<unknown> => {
    const store = await connectStore({ url, tls: files, log })
    try {
      return await store.load('a')
    } finally {
      await store.close()
    }
  }
  expect(await load({ caFile: authority.caFile, ...client })).toBeUndefined()
  const unavailable = { code: 'store-unavailable' }
  await expect(load({ caFile: authority.caFile })).rejects.toMatchObject(unavailable)
  await expect(load({ caFile: stranger.caFile, ...client })).rejects.toMatchObject(unavailable)
  await redis.stop()
})

test('Consul: a service uses its token over TLS, and is refused when the token or TLS is missing', async () => {
  const [port = 0] = await drawPorts(1)
  const consul = await startConsul({
    binaries,
    dir: join(dir, 'consul'),
    managementToken: MANAGEMENT_TOKEN,
    tls: { port, ...server, clientCaFile: authority.caFile },
  })
  const url = `https://127.0.0.1:${port}`
  const tls = { caFile: authority.caFile, ...client }
  const token = await tokenFor(consul.url)
  const registry = connectRegistry({ url, token, tls, log })
  const registered = await registry.register({
    id: 'n1',
    name: 'agent-worker',
    host: '127.0.0.1',
    port: 1,
  })
  let passing: readonly string[] = []
  const watch = registry.watch('agent-worker', (ids) => void (passing = ids))
  const leadership = registry.lead('agentfleet/leader/autoscaler', { holder: 'a1', ttlMs: 10_000 })
  await eventually(() => expect([passing, leadership.leading()]).toEqual([['n1'], true]))
  watch.close()
  await leadership.close()
  await registered.close()
  const refused = { code: 'registry-unavailable' }
  const other = connectRegistry({ url, token: 'wrong-token-0123456789', tls, log })
  await expect(other.critical('agent-worker')).rejects.toMatchObject(refused)
  const unverified = connectRegistry({
    url,
    token,
    tls: { caFile: stranger.caFile, ...client },
    log,
  })
  await expect(unverified.critical('agent-worker')).rejects.toMatchObject(refused)
  const nameless = connectRegistry({ url, token, tls: { caFile: authority.caFile }, log })
  await expect(nameless.critical('agent-worker')).rejects.toMatchObject(refused)
  log.error(
    { err: await other.critical('agent-worker').catch((error: unknown) => error) },
    'refused',
  )
  expect(lines).not.toContain(token)
  expect(lines).not.toContain('wrong-token-0123456789')
  await consul.stop()
})

test('a service refuses at its start a TLS file that would have no effect, or a certificate without its key', () => {
  const files = { caFile: authority.caFile }
  expect(() => readTls('REDIS', { tls: false }, files)).toThrow(/REDIS_URL.*rediss:/)
  expect(() => readTls('NATS', { tls: true }, { certFile: client.certFile })).toThrow(
    /NATS_CERT_FILE: needs NATS_KEY_FILE too/,
  )
  expect(() => readTls('NATS', { tls: true }, { keyFile: client.keyFile })).toThrow(
    /NATS_KEY_FILE: needs NATS_CERT_FILE too/,
  )
  expect(() => readTls('NATS', { tls: true }, { caFile: '/nowhere' })).toThrow(
    /NATS_CA_FILE.*ENOENT/,
  )
  expect(readTls('CONSUL', { tls: false })).toBeUndefined()
  expect(readTls('CONSUL', { tls: true })).toEqual({})
})

test('a service refuses at its start a TLS file that is not what its variable says, with the variable and the reason', async () => {
  const former = await createAuthority(dir, 'former', -30_000)
  const expired = await former.issue('expired')
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text)
    return join(dir, name)
  }
  const garbage = await file('garbage.pem', 'hunter2')
  const pem = await readFile(authority.caFile, 'utf8')
  const cut = await file('cut.pem', pem.replace(/\n.{20}/, '\n'))
  const second = await file('second.pem', `${pem}\n${pem.replace(/\n.{20}/, '\n')}`)
  const both = await file('both.pem', `${await readFile(former.caFile, 'utf8')}\n${pem}`)
  const { certFile, keyFile } = client
  const read = (files: object) => () => readTls('NATS', { tls: true }, files)
  for (const [files, problem] of [
    [{ caFile: garbage }, /NATS_CA_FILE: the file has no certificate/],
    [{ caFile: keyFile }, /NATS_CA_FILE: the file has no certificate/],
    [{ caFile: cut }, /NATS_CA_FILE: the file has no certificate, or a damaged one/],
    [{ caFile: second }, /NATS_CA_FILE: the file has no certificate, or a damaged one/],
    [{ caFile: former.caFile }, /NATS_CA_FILE: the certificate has expired on 20/],
    [{ certFile: garbage, keyFile }, /NATS_CERT_FILE: the file has no certificate/],
    [{ certFile, keyFile: garbage }, /NATS_KEY_FILE: the file has no private key/],
    [{ certFile, keyFile: certFile }, /NATS_KEY_FILE: the file has no private key/],
    [{ certFile, keyFile: server.keyFile }, /NATS_KEY_FILE: is not the key of the certificate/],
    [expired, /NATS_CERT_FILE: the certificate has expired on 20/],
  ] as const) {
    expect(read(files), String(problem)).toThrow(problem)
    expect(read(files)).not.toThrow(/hunter2/)
  }
  expect(read({ caFile: both, ...client })()).toMatchObject({ ca: expect.stringContaining(pem) })
})

/** A token with the rights of all services together. */
async function tokenFor(url: string): Promise<string> {
  const put = async (path: string, body: object): Promise<{ ID: string; SecretID: string }> => {
    const headers = { 'x-consul-token': MANAGEMENT_TOKEN }
    const answer = await fetch(`${url}${path}`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as { ID: string; SecretID: string }
  }
  const Rules = `
    service_prefix "agent-" { policy = "write" }
    node_prefix "" { policy = "read" }
    session_prefix "" { policy = "write" }
    key_prefix "agentfleet/" { policy = "write" }`
  const policy = await put('/v1/acl/policy', { Name: 'agentfleet', Rules })
  const { SecretID } = await put('/v1/acl/token', { Policies: [{ ID: policy.ID }] })
  return SecretID
}
