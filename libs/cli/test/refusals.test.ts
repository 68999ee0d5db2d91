import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { EXIT } from '../src/exit.ts'
import { ASKING, run, serve } from './command-runs.ts'

/** What a gateway refuses, as each command reports it. */

const RETRY_AFTER_S = 7
const LATER = `Try again in ${RETRY_AFTER_S} s.`

test.for<[status: number, code: string, exitCode: number, advice: string]>([
  [401, 'unauthorized', EXIT.refused, 'Set AGENTFLEET_KEY or --key to a key of this fleet.'],
  [403, 'scope-missing', EXIT.refused, '"agentfleet keys me" shows what your key may do.'],
  [404, 'agent-not-found', EXIT.notFound, '"agentfleet agents" lists the agents.'],
  [409, 'not-finished', EXIT.failed, 'Refused: What to do.'],
  [412, 'version-mismatch', EXIT.failed, 'Refused: What to do.'],
  [429, 'rate-limited', EXIT.failed, LATER],
  [503, 'store-unavailable', EXIT.failed, LATER],
])(
  'each command that gets %i says what to do, ends with the documented exit code, and sends no request twice',
  async ([status, code, exitCode, advice]) => {
    const later = status === 429 || status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {}
    const problem = { type: 'about:blank', title: 'Refused', status, detail: 'What to do.', code }
    let sent: string[] = []
    await using server = await serve(({ method = '', url = '' }, response) => {
      sent.push(`${method} ${url}`)
      response.writeHead(status, { 'content-type': 'application/problem+json', ...later })
      response.end(JSON.stringify(problem))
    })
    for (const line of ASKING) {
      const asText = await run(server.url, line.split(' '))
      expect({ line, ...asText }).toMatchObject({ line, code: exitCode, out: '' })
      expect(asText.err).toContain(advice)
      sent = []
      const asJson = await run(server.url, [...line.split(' '), '--json'])
      const { error } = JSON.parse(asJson.err.trimEnd().split('\n').at(-1) ?? '') as {
        error: { message: string }
      }
      const waits = 'retry-after' in later ? { retryAfterS: RETRY_AFTER_S } : {}
      expect({ line, ...error }).toMatchObject({ line, code, exitCode, problem, ...waits })
      expect(error.message).toContain(advice)
      expect([line, sent]).toEqual([line, [...new Set(sent)]])
    }
  },
)

test.each(['submit x', 'replay t', 'goals submit x'])(
  'the command "%s" repeats its request with the same key if the gateway does not know what came of it, because its user does not know the key',
  async (line) => {
    const keys: unknown[] = []
    const problem = { title: 'Unknown', status: 503, detail: 'x', code: 'outcome-unknown' }
    await using server = await serve((request, response) => {
      void text(request).then((sent) => {
        // A goal has its key in the body.
        const body = JSON.parse(sent) as { readonly idempotencyKey?: string }
        keys.push(request.headers['idempotency-key'] ?? body.idempotencyKey)
        if (keys.length > 1) response.end('{"id":"a","state":"queued"}')
        else response.writeHead(503).end(JSON.stringify(problem))
      })
    })
    const { code, out } = await run(server.url, line.split(' '))
    expect({ code, out }).toEqual({ code: EXIT.done, out: 'a\n' })
    expect(keys).toEqual([expect.any(String), keys[0]])
  },
)

test('a changed definition or schedule leads to the command that shows it, and to the option that names its version', async () => {
  const body = JSON.stringify({
    type: 'about:blank',
    title: 'Another version',
    status: 412,
    detail: 'It is now in version 2.',
    code: 'version-mismatch',
  })
  await using server = await serve((_request, response) => response.writeHead(412).end(body))
  for (const what of ['agents', 'schedules']) {
    const { err } = await run(server.url, [what, 'rm', '--if-version', '1', 'a'])
    expect(err).toContain(`"agentfleet ${what} get NAME" shows the`)
    expect(err).toContain('--if-version')
  }
})

test('a proxy that answers while its gateway restarts is not taken for a wrong address', async () => {
  await using server = await serve((_request, response) =>
    response.writeHead(503, { 'retry-after': '3' }).end('<html>'),
  )
  const { code, err } = await run(server.url, ['ls'])
  expect(code).toBe(EXIT.unreachable)
  expect(err).toContain(`The gateway behind ${server.url} is away`)
  expect(err).toContain('Try again in 3 s')
})

test('a command that names several tasks says where it stopped if the gateway refuses all that follow', async () => {
  const problem = { type: 'about:blank', title: 'Busy', status: 429, detail: 'Wait.', code: 'busy' }
  await using server = await serve(({ url = '' }, response) =>
    url.includes('/a/')
      ? response.end('{"id":"a","state":"cancelled"}')
      : response.writeHead(429).end(JSON.stringify(problem)),
  )
  const { code, out, err } = await run(server.url, ['cancel', 'a', 'b', 'c'])
  expect({ code, out }).toEqual({ code: EXIT.failed, out: 'a cancelled\n' })
  expect(err).toBe('The command stopped at the task b: 2 of 3 tasks are left.\nBusy: Wait.\n')
})
