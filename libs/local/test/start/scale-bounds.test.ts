import { expect, test } from 'vitest'
import { scaleBoundsOf } from '../../src/start/scale-bounds.ts'

test.each([
  [{}, 2, 8, { min: 2, max: 8 }],
  [{}, 1, 8, { min: 1, max: 8 }],
  [{}, 4, 2, { min: 2, max: 4 }],
  [{ SCALE_MIN: '6' }, 2, 4, { min: 6, max: 6 }],
  [{ SCALE_MAX: '20', SCALE_MIN: '' }, 2, 4, { min: 2, max: 20 }],
])(
  'a start with the environment %o, %i workers and %i cores lets the autoscaler choose a number of nodes within %o',
  (env, workers, cores, bounds) => {
    expect(scaleBoundsOf(env, workers, cores)).toEqual(bounds)
  },
)
