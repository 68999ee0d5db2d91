/** Needs the built `dist`, as the child processes are plain Node. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'

const FIXTURE = fileURLToPath(new URL('fixtures/service.mjs', import.meta.url))
/** A busy machine takes seconds to start a process. */
const WAIT = { timeout: 30_000, interval: 20 }

interface Line {
  event?: string
  msg?: string
  level?: string
  port?: number
}

/** A real process running the fixture; it is killed at the end of the test if it still lives. */
function launch(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [FIXTURE], {
    env: { PATH: process.env['PATH'] ?? '', SERVICE_ID: 'fixture-1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (out.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (out.stderr += String(chunk)))
  const exited = once(child, 'close').then(([code]) => code as number)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = () => {
    const complete = out.stdout.split('\n').slice(0, -1)
    return complete.map((line) => JSON.parse(line) as Line)
  }
  const events = () => lines().flatMap((line) => line.event ?? [])
  const seen = (text: string) =>
    vi.waitUntil(() => lines().find((l) => l.event === text || l.msg === text), WAIT)
  async function started() {
    const { port } = await seen('The service has started')
    return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method })
  }
  return { child, out, lines, events, seen, started, exited }
}

test('a started service answers its probes, its metrics and the routes it added', async () => {
  const { started, events } = launch()
  const get = await started()
  for (const path of ['/livez', '/readyz', '/startupz']) expect((await get(path)).status).toBe(200)
  const metrics = await (await get('/metrics')).text()
  expect(metrics).toContain('process_start_time_seconds{service="fixture"}')
  expect(await (await get('/whoami')).json()).toEqual({
    id: 'fixture-1',
    second: 'second',
    leaseMs: 30_000,
  })
  expect(events()).toEqual(['start', 'register agent-fixture fixture-1 127.0.0.1'])
})

test('a service is registered at the address in its definition, and its durations follow TIME_SCALE', async () => {
  const { started, events } = launch({ MODE: 'elsewhere', TIME_SCALE: '0.1' })
  const get = await started()
  expect(await (await get('/whoami')).json()).toMatchObject({ leaseMs: 3_000 })
  expect(events()).toContain('register agent-fixture fixture-1 elsewhere')
})

test.each(['0', '::ffff:0.0.0.0', '0:0:0:0:0:0:0:0'])(
  'a service that listens on %s, which stands for all addresses, is registered by the name of its machine',
  async (HTTP_HOST) => {
    const { started, events } = launch({ HTTP_HOST })
    await started()
    expect(events()).toContain(`register agent-fixture fixture-1 ${hostname()}`)
  },
)

test('a permanently closed connection drains the service and ends its process with exit code 0', async () => {
  const { started, exited, events, lines } = launch()
  const get = await started()
  await get('/lose', 'POST')
  expect(await exited).toBe(0)
  expect(lines()).toContainEqual(
    expect.objectContaining({
      msg: 'The service accepts no new work and finishes its present work',
      reason: 'second-closed',
    }),
  )
  expect(events().slice(-2)).toEqual(['close second', 'close first'])
})

test('R1: /readyz answers 503 with the reason while a service is not ready, and /livez still answers 200', async () => {
  const { started } = launch({ MODE: 'unready' })
  const get = await started()
  const answer = await get('/readyz')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toEqual({ ok: false, reason: 'no bus' })
  expect((await get('/livez')).status).toBe(200)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'R2: after %s a service deregisters, drains, closes its resources in reverse order and exits with code 0',
  async (signal) => {
    const { child, started, exited, events } = launch()
    await started()
    child.kill(signal)
    expect(await exited).toBe(0)
    expect(events().slice(2)).toEqual(['deregister', 'drain', 'close second', 'close first'])
  },
)

test('R1, R3: a draining service is alive but not ready, and a second signal ends it at once with exit code 1', async () => {
  const { child, started, seen, exited, events } = launch({ MODE: 'slow-drain' })
  const get = await started()
  child.kill('SIGTERM')
  await seen('drain')
  const answer = await get('/readyz')
  expect([answer.status, await answer.json()]).toEqual([503, { ok: false, reason: 'draining' }])
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/startupz')).status).toBe(200)
  child.kill('SIGTERM')
  expect(await exited).toBe(1)
  expect(events()).not.toContain('close first')
})

test.each(['slow-drain', 'broken-drain'])(
  'R2: a %s of one resource does not keep the other resources open',
  async (MODE) => {
    const { child, started, exited, events } = launch({ MODE, DRAIN_DEADLINE_MS: '1' })
    await started()
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    expect(events().slice(-2)).toEqual(['close second', 'close first'])
  },
)

test('a service may shut itself down, and then deregisters and exits with code 0', async () => {
  const { started, exited, events } = launch()
  const get = await started()
  await get('/shutdown', 'POST')
  expect(await exited).toBe(0)
  expect(events()).toContain('deregister')
})

test('a signal during the start of a service closes its open connections and ends the process with code 0', async () => {
  const { child, seen, exited, events } = launch({ MODE: 'hanging-build' })
  await seen('building')
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
  expect(events()).toEqual(['building', 'close second', 'close first'])
})

test.each([
  ['/throw', 'uncaught exception'],
  ['/reject', 'unhandled rejection'],
])(
  'R3: after %s the process logs the error, closes its connections and exits with code 1',
  async (path, msg) => {
    const { started, exited, events, lines } = launch()
    const get = await started()
    await get(path, 'POST').catch(() => undefined)
    expect(await exited).toBe(1)
    expect(lines().find((line) => line.level === 'fatal')).toMatchObject({ msg })
    expect(events().slice(2)).toEqual(['deregister', 'close second', 'close first'])
  },
)

test.each(['broken-build', 'broken-start'])(
  'a %s ends the process with code 1, and its open connections are closed',
  async (MODE) => {
    const { exited, events, lines } = launch({ MODE })
    expect(await exited).toBe(1)
    expect(lines().find((line) => line.level === 'fatal')).toMatchObject({
      msg: 'the service could not start',
    })
    expect(events().slice(-2)).toEqual(['close second', 'close first'])
  },
)

test('a service prints all problems of its configuration as plain lines on standard error', async () => {
  const env = { HTTP_PORT: 'x', LOG_LEVEL: 'loud', MODE_SLOTS: '10' }
  const { exited, out } = launch(env)
  expect(await exited).toBe(78)
  expect(out.stdout).toBe('')
  expect(out.stderr.split('\n').sort()).toEqual([
    '',
    'HTTP_PORT: is "x"; expected a whole number from 0 to 65535',
    'LOG_LEVEL: is "loud"; expected one of silent, fatal, error, warn, info, debug, trace',
    'MODE_SLOTS: is "10"; expected a whole number from 1 to 9',
  ])
})

test('a broken rule between two variables is printed as a plain line, as other problems of the configuration are', async () => {
  const { exited, out } = launch({ HTTP_PORT: 'x', MODE_SLOTS: '2', MODE_SPARE: '3' })
  expect(await exited).toBe(78)
  expect(out.stderr.split('\n').sort()).toEqual([
    '',
    'HTTP_PORT: is "x"; expected a whole number from 0 to 65535',
    'MODE_SPARE: is above MODE_SLOTS; lower it',
  ])
})

test('problems of the configuration that are found while a service is built are printed as plain lines without a stack', async () => {
  const { exited, out } = launch({ MODE: 'wrong-build' })
  expect(await exited).toBe(78)
  expect(out.stdout).toBe('')
  expect(out.stderr.split('\n')).toEqual([
    'FOLDER: does not exist; create it',
    'FOLDER_KEY: is missing; set it',
    '',
  ])
})
