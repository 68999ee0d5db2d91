import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createKeyPlaces } from '../../../src/principals/limits/key-places.ts'

interface Asked {
  readonly entering: readonly string[]
  readonly leaving: readonly string[]
}

/** The places at a gateway for which this function plays Redis. */
function setup(answer: (asked: Asked, count: number) => Promise<number>) {
  const asked: Asked[] = []
  const renewed: (readonly string[])[] = []
  const state = { alone: false }
  const places = createKeyPlaces({
    shared: {
      open(_keyId, _concurrent, entering, leaving) {
        asked.push({ entering, leaving })
        return answer({ entering, leaving }, asked.length)
      },
      renew: (_keyId, members) => Promise.resolve(void renewed.push(members)),
      connected: () => true,
    },
    silence: {
      ask: (_keyId, question) => question,
      isAlone: () => state.alone,
      sinceMs: () => undefined,
    },
    gateways: () => 1,
    log: { debug() {} },
  })
  return { places, asked, renewed, state }
}

test('a request that the gateway refused frees its place when a late answer of Redis has counted it', async () => {
  let answerLate: (entered: number) => void = () => undefined
  const late = new Promise<number>((resolve) => (answerLate = resolve))
  const { places, asked } = setup(({ entering }, count) =>
    count === 2 ? late : Promise.resolve(entering.length),
  )
  const kinds = ['a', 'b', 'c'].map(async (member) => (await places.enter('k', 2, member)).kind)
  expect(await Promise.all(kinds)).toEqual(['entered', 'entered', 'full'])
  expect(asked.map(({ entering }) => entering)).toEqual([['a'], ['b', 'c']])
  answerLate(2)
  await eventually(() => expect(asked.at(-1)).toEqual({ entering: [], leaving: ['c'] }), 5_000)
})

test('while Redis is silent, requests that it never counted leave nothing behind, and it counts those that are still open as soon as it answers again (L7)', async () => {
  const { places, asked, renewed, state } = setup(({ entering }) =>
    Promise.resolve(entering.length),
  )
  state.alone = true
  for (let sent = 0; sent < 1_000; sent += 1) {
    expect((await places.enter('k', 2, `gone${sent}`)).kind).toBe('entered')
    places.leave('k', `gone${sent}`)
  }
  expect((await places.enter('k', 2, 'stays')).kind).toBe('entered')
  expect(asked).toEqual([])
  state.alone = false
  expect((await places.enter('k', 2, 'next')).kind).toBe('entered')
  // Redis hears first of the requests that are open, so that the question counts it.
  expect(renewed).toEqual([['stays']])
  places.leave('k', 'stays')
  await eventually(() => expect(asked.flatMap(({ leaving }) => leaving)).toEqual(['stays']), 5_000)
})

test('requests that end while Redis does not answer a question wait in a bounded number, and the leases of the others end (L7)', async () => {
  let answer: (entered: number) => void = () => undefined
  const late = new Promise<number>((resolve) => (answer = resolve))
  const { places, asked } = setup(({ entering }) =>
    entering.length === 0 ? late : Promise.resolve(entering.length),
  )
  const members = Array.from({ length: 20_000 }, (_, at) => `m${at}`)
  await Promise.all(members.map((member) => places.enter('k', members.length, member)))
  for (const member of members) places.leave('k', member)
  answer(0)
  const told = () => asked.reduce((sum, { leaving }) => sum + leaving.length, 0)
  await eventually(() => expect(told()).toBeGreaterThanOrEqual(5_000), 5_000)
  // The place of a request that enters now is asked for behind all that wait.
  await places.enter('k', members.length, 'next')
  expect(told()).toBeLessThanOrEqual(5_001)
})
