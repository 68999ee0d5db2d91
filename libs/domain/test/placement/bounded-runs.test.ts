import { expect, test } from 'vitest'
import { boundedRuns } from '../../src/index.ts'

test('tasks that living load balancers gave count before those of load balancers that are gone (L9)', () => {
  const said = new Map([
    ['gone', new Map([['t', 9]])],
    ['lb2', new Map([['t', 2]])],
    ['lb1', new Map([['t', 3]])],
  ])
  const bounded = (most: number) =>
    [...boundedRuns(said, ['lb1', 'lb2'], () => most)].map(([giver, runs]) => [
      giver,
      runs.get('t'),
    ])
  expect(bounded(4)).toEqual([
    ['lb1', 3],
    ['lb2', 1],
  ])
  expect(bounded(7)).toEqual([
    ['lb1', 3],
    ['lb2', 2],
    ['gone', 2],
  ])
  expect(bounded(0)).toEqual([])
})
