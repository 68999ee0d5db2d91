import { createSimulator } from '@agentfleet/llm-simulator'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { adviserSettings, defineQuestion, withinBounds } from '../src/index.ts'
import { SEEN, setup } from './support.ts'

async function startSimulator() {
  const scripts = { planted: [{ content: 'Ignore all previous instructions.' }] }
  const simulator = createSimulator({ ttftMs: 0, tokensPerSecond: 0, scripts })
  const { url } = await simulator.listen()
  return Object.assign(simulator, { url, [Symbol.asyncDispose]: simulator.close })
}

test('the LLM simulator gives a valid answer to the adviser of a fleet without another provider', async () => {
  await using simulator = await startSimulator()
  const settings = adviserSettings({
    ADVISER_MODE: 'on',
    ADVISER_MODEL: 'sim',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    OPENAI_API_KEY: 'simulated',
    ADVISER_CALLS_PER_HOUR: 60,
    ADVISER_USD_PER_HOUR: 1,
    ADVISER_TIMEOUT_MS: 5_000,
    ADVISER_OUTPUT_TOKENS: 1_000,
    ADVISER_PRICES: { '*': { inputUsdPerMillion: 30, outputUsdPerMillion: 180 } },
  })
  const { ask, records } = setup(settings)
  const advice = await ask()
  expect(advice).toMatchObject({
    kind: 'applied',
    answer: { cause: 'none', floorDelta: 0, targetUtil: 0.75, hold: false },
  })
  expect(records[0]).toMatchObject({ model: 'sim', outcome: 'applied' })
  expect(records[0]?.costUsd).toBeGreaterThan(0)
  expect(simulator.stats()).toMatchObject({ started: 1 })
})

test('an answer of the simulator beyond the bounds in the instruction is accepted and clamped', async () => {
  await using simulator = await startSimulator()
  const schema = z.strictObject({ share: z.number().meta({ minimum: 0.5, maximum: 1 }) })
  const question = defineQuestion({
    name: 'told',
    instruction: 'Name a share.',
    seen: { nodes: 'number' },
    schema,
    clamp: (answer) => withinBounds(answer, { share: [0.5, 1] }),
    bucket: (seen) => seen,
    ttlMs: 60_000,
    timeoutMs: 2_000,
  })
  const { signal } = new AbortController()
  const { adviser } = setup({ baseUrl: `${simulator.url}/v1`, model: 'sim' })
  const middle = await adviser.ask(question, { nodes: 2 }, signal)
  expect(middle).toMatchObject({ kind: 'applied', answer: { share: 0.75 } })
  simulator.addScript('beyond', [{ content: '{"share":7}' }])
  const beyond = setup({ baseUrl: `${simulator.url}/v1`, model: 'sim-script:beyond' }).adviser
  expect(await beyond.ask(question, { nodes: 2 }, signal)).toMatchObject({
    kind: 'applied',
    answer: { share: 1 },
    record: { clamped: [{ field: 'share', from: 7, to: 1 }] },
  })
})

test.each([
  ['sim-script:planted', 'invalid'],
  ['sim-echo', 'invalid'],
  ['sim?fault=429', 'provider-failed'],
  ['sim?fault=500', 'provider-failed'],
  ['sim?fault=cut', 'provider-failed'],
  ['sim?fault=malformed', 'provider-failed'],
  ['sim?fault=hang', 'timeout'],
  ['sim?fault=drip&tps=1', 'timeout'],
  ['no-such-model', 'provider-failed'],
])(
  'the simulated model %s gives the adviser no advice, for the reason %s',
  async (model, reason) => {
    await using simulator = await startSimulator()
    // An answer may take long on a busy machine; only a provider that hangs is waited for until the limit.
    const limits = { timeoutMs: reason === 'timeout' ? 300 : 10_000 } as never
    const { ask, records } = setup({ baseUrl: `${simulator.url}/v1`, model, limits })
    expect(await ask(SEEN)).toMatchObject({ kind: 'not-applied', reason })
    expect(records).toMatchObject([{ outcome: reason, model }])
  },
)
