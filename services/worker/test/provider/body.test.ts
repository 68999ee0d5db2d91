import { createServer } from 'node:http'
import { PassThrough } from 'node:stream'
import { eventually, listen } from '@agentfleet/testkit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAnswerReader } from '../../src/provider/answer/answer.ts'
import { readBody } from '../../src/provider/http/body.ts'
import { bodyOf, createHttpFetch } from '../../src/provider/http/fetch.ts'
import { delta } from './answers.ts'

/** When the reading of a body ends that stays open, and its connection with it; the times pass by themselves. */

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const nothing = (): void => undefined

const createReader = () =>
  createAnswerReader({
    eventCharactersMax: 10_000,
    offered: { names: [], isText: () => false, json: false },
    idSeed: 'seed',
    promptCharacters: 40,
    key: undefined,
    onBegun: nothing,
    onText: nothing,
    onSize: nothing,
  })

/** Sends the pieces at their times, in milliseconds; returns the text when the body counted as ended. */
async function textOf(pieces: readonly (readonly [atMs: number, piece: string])[]) {
  const body = new PassThrough()
  const reader = createReader()
  let endedAtMs: number | undefined
  const startedMs = Date.now()
  const read = readBody(body, reader, { onPiece: nothing, ended: () => false }).then(() => {
    endedAtMs = Date.now() - startedMs
  })
  for (const [atMs, piece] of pieces) setTimeout(() => void body.write(piece), atMs)
  await vi.advanceTimersByTimeAsync(60_000)
  await read
  const heard = reader.result()
  return { text: heard.kind === 'answered' ? heard.answer.text : heard.failure.kind, endedAtMs }
}

test('a complete answer ends although signs of life follow it', async () => {
  const pings = Array.from({ length: 50 }, (_, at) => [at * 500, ': ping\n\n'] as const)
  const { text, endedAtMs } = await textOf([[0, delta({ content: 'x' }, 'stop')], ...pings])
  expect(text).toBe('x')
  expect(endedAtMs).toBeLessThan(3_000)
})

test('an answer whose pieces each have a finish reason is read to its end', async () => {
  const pieces = ['The', ' answer', ' is 42.'].map(
    (content, at) => [at * 1_400, delta({ content }, 'stop')] as const,
  )
  expect((await textOf([...pieces, [4_500, 'data: [DONE]\n\n']])).text).toBe('The answer is 42.')
})

test.each([
  ['too large', 'output-too-large', `data: ${'x'.repeat(20_000)}`],
  ['malformed', 'malformed', 'neither a field nor an object\n'.repeat(1_001)],
])(
  'the connection to the provider is ended at once when its unfinished answer is %s',
  async (_title, kind, piece) => {
    let closed = false
    const server = createServer((_request, response) => {
      response.on('close', () => (closed = true))
      response.write(piece)
    })
    await using listening = await listen(server)
    const http = createHttpFetch()
    const reader = createReader()
    const response = await http.fetch(listening.url)
    await readBody(bodyOf(response), reader, { onPiece: nothing, ended: () => false })
    // The time for the rest of another body never passes: it was set on the clock that stands still.
    vi.useRealTimers()
    await eventually(() => expect(closed).toBe(true))
    expect(reader.result()).toMatchObject({ failure: { kind } })
    http.close()
  },
)
