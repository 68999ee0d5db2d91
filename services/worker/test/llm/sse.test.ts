import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventSplitter, readEvents } from '../../src/llm/sse.ts'

function split(...pieces: string[]): string[] {
  const seen: string[] = []
  const take = createEventSplitter((data) => seen.push(data))
  for (const piece of pieces) take(piece)
  return seen
}

describe('createEventSplitter', () => {
  test.each([
    ['one event', 'data: a\n\n', ['a']],
    ['no blank after the colon', 'data:a\n\n', ['a']],
    ['carriage returns', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['several lines of data', 'data: a\ndata: b\n\n', ['a\nb']],
    ['names, ids and comments', ': hello\nevent: x\nid: 1\ndata: a\n\n', ['a']],
    ['an event that is not finished', 'data: a\n', []],
  ])('reads %s', (_title, text, events) => {
    expect(split(text)).toEqual(events)
  })

  test('does not care how the text is cut', () => {
    const text = 'data: {"a":1}\r\n\r\n: ping\n\ndata: ü\ndata: b\n\ndata: [DONE]\n\n'
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 10 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length]
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end))
        expect(split(...pieces)).toEqual(['{"a":1}', 'ü\nb', '[DONE]'])
      }),
    )
  })

  test('refuses a line without end (L7)', () => {
    expect(() => split('x'.repeat(5 * 1024 * 1024))).toThrow(SyntaxError)
  })
})

describe('readEvents', () => {
  test('puts characters together that were cut within', async () => {
    const bytes = Buffer.from('data: ü\n\n')
    const seen: string[] = []
    await readEvents(Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]), (data) =>
      seen.push(data),
    )
    expect(seen).toEqual(['ü'])
  })

  test('passes on what the receiver throws', async () => {
    const body = Readable.from([Buffer.from('data: a\n\n')])
    const reading = readEvents(body, () => {
      throw new Error('enough')
    })
    await expect(reading).rejects.toThrow('enough')
    expect(body.destroyed).toBe(true)
  })
})
