import { expect, test } from 'vitest'
import { columnsOf, rowAt } from '../../src/index.ts'

test('rows become one list for each name, and a place of the lists becomes the row again', () => {
  const rows = [
    { id: 'a', load: 1, other: true },
    { id: 'b', load: 2, other: false },
  ]
  const names = ['id', 'load'] as const
  const columns = columnsOf(names, rows)
  expect(columns).toEqual({ id: ['a', 'b'], load: [1, 2] })
  expect(rowAt(names, columns, 1)).toEqual({ id: 'b', load: 2 })
  expect(columnsOf(names, [])).toEqual({ id: [], load: [] })
})
