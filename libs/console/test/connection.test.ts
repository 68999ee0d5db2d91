import { expect, test } from 'vitest'
import { connectionWords } from '../page/shell/connection-words.ts'

const now = 100_000
const fresh = { answeredAtMs: now - 1_000, failure: undefined, paused: false, nowMs: now }

test('the page shows how old its data is', () => {
  const table = [
    [{}, 'live', 'Live'],
    [{ paused: true }, 'paused', 'Paused'],
    [{ answeredAtMs: undefined }, 'old', 'Connecting …'],
    [{ answeredAtMs: now - 25_000 }, 'old', 'Figures are 20.0 s old or more'],
    [{ failure: 'No answer.', answeredAtMs: undefined }, 'lost', 'No answer.'],
    [{ failure: 'No answer.', paused: true }, 'lost', 'No answer.'],
  ] as const
  for (const [change, kind, text] of table) {
    expect(connectionWords({ ...fresh, ...change })).toEqual({ kind, text })
  }
})
