import { ClientError } from '@agentfleet/client'
import { expect, test } from 'vitest'
import { showView } from '../src/watching.ts'
import { contextWith } from './context.ts'

/** The interval of the tests, milliseconds. */
const EVERY_MS = 1
const problem = { type: 'about:blank', title: 'Away', status: 0, detail: 'x', code: 'unreachable' }
const away = new ClientError(problem)
const refused = new ClientError({ ...problem, status: 401, code: 'unauthorized' })

/** Watches a view whose reads end like this; the last one must end the watch. */
async function watchReads(reads: readonly (string | ClientError)[]) {
  const lines: string[] = []
  const context = contextWith({
    watch: true,
    print: (line) => void lines.push(line),
    note: (line) => void lines.push(`note: ${line}`),
  })
  const left = [...reads]
  const read = async () => {
    const next = left.shift()
    if (typeof next !== 'string') throw next
    return { objects: [], text: next }
  }
  const error = await showView(context, read, EVERY_MS).catch((reason: unknown) => reason)
  return { lines, error }
}

test('a watched view of the command line continues after the gateway was unavailable, and reports the interruption once', async () => {
  expect(await watchReads(['one', away, away, 'two', refused])).toEqual({
    lines: ['one', 'note: Away. The command tries again until Ctrl-C.', 'two'],
    error: refused,
  })
})

test('a watched view of the command line reads again only after the time that the gateway has asked for', async () => {
  const busy = new ClientError({ ...problem, title: 'Busy', status: 429 }, { retryAfterS: 0.2 })
  const startMs = performance.now()
  const { lines } = await watchReads(['one', busy, 'two', refused])
  expect(lines).toEqual(['one', 'note: Busy. The command tries again until Ctrl-C.', 'two'])
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(190)
})

test('a watched view on a terminal draws each frame over the old one, and never more lines than the screen has', async () => {
  const frames: string[] = []
  const views = ['one\ntwo', '1\n2\n3\n4']
  const context = contextWith({
    watch: true,
    columns: 40,
    rows: 4,
    write: (text) => void frames.push(text),
  })
  const read = async () => {
    const text = views.shift()
    if (text === undefined) throw refused
    return { objects: [], text }
  }
  await expect(showView(context, read, EVERY_MS)).rejects.toBe(refused)
  expect(frames.map((frame) => frame.replaceAll('\u001b', '^'))).toEqual([
    '^[2J^[H^[?7l^[Kone\n^[Ktwo\n^[J^[?7h',
    '^[H^[?7l^[K1\n^[K2\n^[K… 2 more lines do not fit on the screen\n^[J^[?7h',
  ])
})

test('a watched view of the command line ends at once if its first request fails', async () => {
  expect(await watchReads([away])).toEqual({ lines: [], error: away })
})
