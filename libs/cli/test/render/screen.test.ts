import { describe, expect, test } from 'vitest'
import { fitted } from '../../src/render/screen.ts'

const list = (name: string, count: number): string =>
  [name.toUpperCase(), ...Array.from({ length: count }, (_, at) => `${name} ${at + 1}`)].join('\n')

describe('a view that is longer than the screen', () => {
  test('is printed whole as long as it fits', () => {
    expect(fitted('a\n\nb', 3)).toEqual(['a', '', 'b'])
  })

  test('keeps its short parts, and its longest part says how many lines are left out', () => {
    const text = `status ok\n\n${list('node', 20)}\n\n${list('provider', 1)}`
    expect(fitted(text, 10)).toEqual([
      'status ok',
      '',
      'NODE',
      'node 1',
      'node 2',
      'node 3',
      '… 17 more lines do not fit on the screen',
      '',
      'PROVIDER',
      'provider 1',
    ])
  })

  test('keeps its heading and its last lines if these are the newest', () => {
    expect(fitted(list('step', 60), 4, true)).toEqual([
      'STEP',
      '… 58 earlier lines do not fit on the screen',
      'step 59',
      'step 60',
    ])
  })

  test('loses its end if it has too many small parts', () => {
    const cards = Array.from({ length: 9 }, (_, at) => `ID ${at}\nSTATE x`).join('\n\n')
    expect(fitted(cards, 4)).toEqual([
      'ID 0',
      'STATE x',
      '',
      '… 23 more lines do not fit on the screen',
    ])
  })

  test.for([1, 2, 3, 5, 8])('never takes more than the %i rows of the screen', (rows) => {
    const text = `${list('a', 7)}\n\n${list('b', 30)}\n\nc`
    for (const newestLast of [false, true]) {
      expect(fitted(text, rows, newestLast).length).toBeLessThanOrEqual(rows)
    }
  })
})
