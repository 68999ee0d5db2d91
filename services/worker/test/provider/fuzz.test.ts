import fc from 'fast-check'
import { expect, test } from 'vitest'
import { delta, DONE, GOOD, read, toolPiece, usage } from './answers.ts'

/** Good answers of each kind; the tests cut, split, double, reorder and change their bytes. */

const fn = (name: string, args: string) => ({ function: { name, arguments: args } })
const GOODS = [
  GOOD,
  [
    delta({ role: 'assistant', content: null, reasoning_content: 'I need Grüße 你好.' }),
    toolPiece({ index: 0, id: 'call_a', ...fn('calculate', '{"expression":') }),
    toolPiece({ index: 1, id: 'call_b', ...fn('get_time', '') }),
    toolPiece({ index: 0, ...fn('', '"6*7"}') }),
    toolPiece({ index: 1, ...fn('', '{"zone":"Europe/Zürich 🚀"}') }),
    delta({}, 'tool_calls'),
    usage({
      prompt_tokens: 120,
      completion_tokens: 40,
      completion_tokens_details: { reasoning_tokens: 9 },
    }),
    DONE,
  ].join(''),
  `: comment\r\n\r\n${delta({ content: 'Grüße 你好 🚀 42' }).replaceAll('\n', '\r\n')}${delta({}, 'stop')}${usage()}${DONE}`,
].map((text) => Buffer.from(text))
const EXPECTED = GOODS.map((bytes) => read([bytes]))
/** Runs of each of three kinds: at full size more than 100,000 together. */
const RUNS = process.env['TEST_SIZE'] === 'full' ? 36_000 : 3_000

const which = fc.nat(GOODS.length - 1)
const places = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  maxLength: 6,
})
const at = (bytes: Buffer, place: number) => Math.floor(place * bytes.length)

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => at(bytes, cut)).sort((a, b) => a - b), bytes.length]
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

/** Expects one failure with a message, or one answer whose figures are whole numbers. */
function expectSound({ answer, text, begun }: ReturnType<typeof read>): void {
  expect(begun).toBeLessThanOrEqual(1)
  if (answer.kind === 'failed') {
    expect(answer.failure.message.length).toBeGreaterThan(0)
    return
  }
  expect(answer.answer.text).toBe(text)
  const { inputTokens, outputTokens, llmCalls } = answer.usage
  for (const count of [inputTokens, outputTokens]) expect(Number.isSafeInteger(count)).toBe(true)
  expect(llmCalls).toBe(1)
}

test('the answer of a provider is read with the same result, no matter where its bytes are split', () => {
  fc.assert(
    fc.property(which, places, (good, cuts) => {
      expect(read(split(GOODS[good]!, cuts)).answer).toEqual(EXPECTED[good]!.answer)
    }),
    { numRuns: RUNS, seed: 1 },
  )
})

test('reading a truncated answer gives either the complete answer or one failure', () => {
  fc.assert(
    fc.property(which, places, fc.nat(2_000), (good, cuts, end) => {
      const bytes = GOODS[good]!.subarray(0, end % (GOODS[good]!.length + 1))
      const heard = read(split(bytes, cuts))
      expectSound(heard)
      if (heard.answer.kind === 'answered') {
        const { answer } = EXPECTED[good]!
        expect(heard.answer.answer).toEqual(answer.kind === 'answered' && answer.answer)
      }
    }),
    { numRuns: RUNS, seed: 2 },
  )
})

test('reading an answer with repeated, reordered or changed bytes gives one answer or one failure', () => {
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('flip' as const),
      from: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.nat(255),
    }),
    fc.record({
      kind: fc.constantFrom('double' as const, 'move' as const, 'drop' as const),
      from: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.nat(255),
    }),
  )
  fc.assert(
    fc.property(
      which,
      fc.array(change, { minLength: 1, maxLength: 4 }),
      places,
      (good, changes, cuts) => {
        let bytes = GOODS[good]!
        for (const { kind, from, byte } of changes) {
          const start = at(bytes, from)
          const piece = bytes.subarray(start, start + 1 + byte)
          const rest = Buffer.concat([
            bytes.subarray(0, start),
            bytes.subarray(start + piece.length),
          ])
          if (kind === 'flip') {
            bytes = Buffer.from(bytes)
            if (bytes.length > 0) bytes[start] = byte
          } else if (kind === 'double')
            bytes = Buffer.concat([bytes.subarray(0, start), piece, bytes.subarray(start)])
          else if (kind === 'drop') bytes = rest
          else bytes = Buffer.concat([rest, piece])
        }
        expectSound(read(split(bytes, cuts)))
      },
    ),
    { numRuns: RUNS, seed: 3 },
  )
})
