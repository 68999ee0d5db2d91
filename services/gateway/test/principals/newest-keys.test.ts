import { expect, test } from 'vitest'
import { createNewestKeys } from '../../src/principals/newest-keys.ts'

const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

/** Questions whose clock and answers belong to the test. */
function setup() {
  let nowMs = 0
  const asked: { atMs: number; answer: () => void; fail: (error: Error) => void }[] = []
  const pauses: { endMs: number; end: () => void }[] = []
  const newest = createNewestKeys({
    upToDate: () => new Promise<void>((answer, fail) => asked.push({ atMs: nowMs, answer, fail })),
    monotonicMs: () => nowMs,
    wait: (ms) => new Promise<void>((end) => pauses.push({ endMs: nowMs + ms, end })),
  })
  return {
    newest,
    asked,
    async pass(ms: number) {
      nowMs += ms
      for (const { endMs, end } of pauses) if (endMs <= nowMs) end()
      await turns()
    },
  }
}

test('unknown keys make a gateway ask at most 100 times a second, however many callers send them, and each caller gets an answer (L7)', async () => {
  const { newest, asked, pass } = setup()
  let answered = 0
  for (let ms = 0; ms < 1_000; ms += 1) {
    for (let caller = 0; caller < 20; caller += 1) void newest().then(() => (answered += 1))
    await pass(1)
    for (const { answer } of asked) answer()
    await turns()
  }
  expect(asked.length).toBeGreaterThan(90)
  expect(asked.length).toBeLessThanOrEqual(100)
  await pass(10)
  asked.at(-1)?.answer()
  await turns()
  expect(answered).toBe(20_000)
})

test('a caller waits for a question that began after its call, because an earlier question does not know its key', async () => {
  const { newest, asked, pass } = setup()
  let told = ''
  void newest().then(() => (told += 'first '))
  await turns()
  void newest().then(() => (told += 'second '))
  void newest().then(() => (told += 'third '))
  await pass(50)
  expect(asked.length).toBe(1)
  asked[0]?.answer()
  await turns()
  expect(told).toBe('first ')
  expect(asked.map(({ atMs }) => atMs)).toEqual([0, 50])
  asked[1]?.fail(new Error('NATS is away'))
  await turns()
  expect(told).toBe('first second third ')
})

test('a question that NATS does not answer ends after a second, and the next question begins', async () => {
  const { newest, asked, pass } = setup()
  const startedMs = performance.now()
  await newest()
  expect(performance.now() - startedMs).toBeGreaterThan(900)
  void newest()
  await pass(10)
  expect(asked.length).toBe(2)
})
