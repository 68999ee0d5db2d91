import type { Decision } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { leaderStateOf } from '../src/fleet/learned.ts'

const decision = (inputs: Decision['inputs'], atMs = 900): Decision =>
  ({ atMs, inputs }) as unknown as Decision

test('a new leader takes the times of the last changes, and none from the future, which a wrong clock has written', () => {
  expect(leaderStateOf(undefined, 1_000)).toEqual({ scaledOutAtMs: 0, scaledInAtMs: 0 })
  const past = decision({ scaledOutAtMs: 500, scaledInAtMs: 600 })
  expect(leaderStateOf(past, 1_000)).toEqual({ scaledOutAtMs: 500, scaledInAtMs: 600 })
  const ahead = decision({ scaledOutAtMs: 86_400_000 }, 86_400_000)
  expect(leaderStateOf(ahead, 1_000)).toEqual({ scaledOutAtMs: 1_000, scaledInAtMs: 1_000 })
})
