import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createKeyPlaces } from '../../../src/principals/limits/key-places.ts'

test('a request that the gateway refused frees its place when a late answer of Redis has counted it', async () => {
  const asked: { entering: readonly string[]; leaving: readonly string[] }[] = []
  let answerLate: (entered: number) => void = () => undefined
  const late = new Promise<number>((resolve) => (answerLate = resolve))
  const places = createKeyPlaces({
    shared: {
      open(_keyId, _concurrent, entering, leaving) {
        asked.push({ entering, leaving })
        return asked.length === 2 ? late : Promise.resolve(entering.length)
      },
      renew: () => Promise.resolve(),
      connected: () => true,
    },
    silence: { asked() {}, answered() {}, isAlone: () => false, sinceMs: () => undefined },
    gateways: () => 1,
    log: { debug() {} },
  })
  const kinds = ['a', 'b', 'c'].map(async (member) => (await places.enter('k', 2, member)).kind)
  expect(await Promise.all(kinds)).toEqual(['entered', 'entered', 'full'])
  expect(asked.map(({ entering }) => entering)).toEqual([['a'], ['b', 'c']])
  answerLate(2)
  await eventually(() => expect(asked.at(-1)).toEqual({ entering: [], leaving: ['c'] }), 5_000)
})
