import { BREAKER_LIMITS, NO_USAGE } from '@agentfleet/domain'
import { createSimulator } from '@agentfleet/llm-simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLlm } from '../../src/llm/llm.ts'
import type { LlmOptions, LlmRequest } from '../../src/llm/request.ts'
import type { Provider } from '../../src/llm/provider.ts'
import { builtInTools } from '../../src/tools/built-in.ts'
import { llmOptions, providerAt } from '../provider/support.ts'

/** The provider is the simulator, a real HTTP server. */
const simulator = createSimulator({
  ttftMs: 0,
  tokensPerSecond: 0,
  writeIntervalMs: 1,
  scripts: { sum: [{ toolCalls: [{ name: 'calculate', arguments: { expression: '1+1' } }] }] },
})
let baseUrl = ''
const started: { close(): void; timer: NodeJS.Timeout }[] = []

beforeAll(async () => {
  baseUrl = `${(await simulator.listen()).url}/v1`
})
afterAll(async () => {
  for (const { close, timer } of started) {
    clearInterval(timer)
    close()
  }
  await simulator.close()
})

const provider = (change: Partial<Provider> = {}) => providerAt(baseUrl, { key: 'key', ...change })

function setup(options: Partial<LlmOptions> = {}) {
  const llm = createLlm(llmOptions([provider()], { outputBytesMax: 10_000, ...options }))
  const timer = setInterval(() => llm.sweep(Date.now()), 20)
  started.push({ close: () => llm.close(), timer })
  const call = (model: string, request: Partial<LlmRequest> = {}) =>
    llm.call({
      taskId: 'task',
      step: 0,
      tenant: 'default',
      priority: 'medium',
      sinceMs: Date.now(),
      spent: NO_USAGE,
      model,
      messages: [{ role: 'user', content: 'say something' }],
      tools: [...builtInTools().values()].map((tool) => tool.offer),
      toolsOptional: true,
      outputTokensMax: undefined,
      deadlineAtMs: Date.now() + 60_000,
      confirm: () => undefined,
      onText: () => undefined,
      onStart: () => undefined,
      ...request,
    })
  return { call, progress: () => llm.progress(), providers: () => llm.providers() }
}

describe('the count of finished LLM calls', () => {
  test('includes ended and refused calls, but not cancelled calls', async () => {
    const { call, progress } = setup()
    await call('sim?tokens=1')
    await call('sim?fault=429')
    await call('sim?ttft=5000', { onStart: (cancel) => cancel() })
    expect(progress()).toMatchObject({ calling: 0, ended: 4, throttled: 3 })
  })
})

describe('the message of a failed LLM call', () => {
  test('contains the reason that the provider gives, followed by the name of the provider and the HTTP status', async () => {
    expect(await setup().call('sim?fault=500')).toMatchObject({
      kind: 'failed',
      failure: { message: expect.stringMatching(/ \(status 500 of the provider first\)$/) },
    })
  })

  test('says why no provider is asked and when one will be asked', async () => {
    const { call, providers } = setup()
    for (let calls = 0; calls < BREAKER_LIMITS.failuresMax; calls += 1) await call('sim?fault=500')
    expect(await call('sim?fault=500')).toMatchObject({
      kind: 'failed',
      failure: {
        kind: 'shut',
        message: expect.stringMatching(
          /^no provider can take a request now: sim\?fault=500 of the provider first at http:\/\/127\.0\.0\.1:\d+\/v1 failed \(status 500, \d\.\d s ago\) and gets its next request in \d+\.\d s\. Check that its base URL/,
        ),
      },
    })
    const [shown] = providers()
    expect(shown).toMatchObject({ breaker: 'open' })
    expect(shown?.closedForMs).toBeGreaterThan(0)
  })
})

describe('an LLM call', () => {
  test('streams its text and ends with the complete text and its usage', async () => {
    const pieces: string[] = []
    const outcome = await setup().call('sim?tokens=12', { onText: (text) => pieces.push(text) })
    expect(outcome).toMatchObject({
      kind: 'answered',
      answer: { text: pieces.join(''), toolCalls: [] },
      usage: { outputTokens: 12, llmCalls: 1 },
    })
  })

  test('sends no request to a provider if its run ends while a coordinator confirms the run', async () => {
    const { call, progress } = setup()
    let end = () => {}
    const outcome = await call('sim?tokens=1', {
      onStart: (cancel) => (end = cancel),
      confirm: async () => end(),
    })
    expect(outcome).toEqual({ kind: 'cancelled' })
    expect(progress().ended).toBe(0)
  })

  test('assembles tool calls from their pieces', async () => {
    const outcome = await setup().call('sim-script:sum')
    expect(outcome).toMatchObject({
      kind: 'answered',
      answer: {
        toolCalls: [{ id: 'call_0', name: 'calculate', arguments: '{"expression":"1+1"}' }],
      },
    })
  })

  test('sends the id of its task and the number of its step to the provider', async () => {
    await setup().call('sim?tokens=1', { taskId: 'named', step: 3 })
    expect(simulator.callsOf('named').map((calls) => calls.step)).toEqual(['3'])
  })

  test.each([
    ['sim?fault=429', { kind: 'status', status: 429 }],
    ['sim?fault=500', { kind: 'status', status: 500 }],
    ['no-such-model', { kind: 'status', status: 404 }],
    ['sim?fault=malformed', { kind: 'malformed' }],
    ['sim?fault=cut&tokens=8', { kind: 'connection' }],
  ])('to the model %s fails', async (model, failure) => {
    expect(await setup().call(model)).toMatchObject({ kind: 'failed', failure })
  })

  test("fails when the provider's address accepts no connection", async () => {
    const outcome = await setup({
      providers: [provider({ baseUrl: 'http://127.0.0.1:9/v1' })],
    }).call('sim')
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'connection' } })
  })

  test('fails when no provider is configured', async () => {
    const outcome = await setup({ providers: [] }).call('sim')
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'no-provider' } })
  })
})

describe('an LLM call ends', () => {
  test('when its provider is silent', async () => {
    const outcome = await setup({ silenceMs: 100, firstTokenMs: 100 }).call('sim?fault=hang')
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'timeout' } })
  })

  test('when it takes too long, even while it streams', async () => {
    const outcome = await setup({ callMs: 300 }).call('sim?tokens=1000&tps=50')
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'timeout' } })
  })

  test('when its task has reached its deadline', async () => {
    const outcome = await setup().call('sim?fault=hang', { deadlineAtMs: Date.now() + 100 })
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'deadline' } })
  })

  test('when its answer is too large (L7)', async () => {
    const outcome = await setup({ outputBytesMax: 100 }).call('sim?tokens=1000')
    expect(outcome).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
  })

  test('when it is cancelled, before or during its answer', async () => {
    let cancel = (): void => undefined
    const onStart = (given: () => void): void => {
      cancel = given
    }
    const { call } = setup()
    expect(await call('sim?fault=hang', { onStart: (given) => setTimeout(given, 50) })).toEqual({
      kind: 'cancelled',
    })
    const talking = await call('sim?tokens=1000&tps=50', { onStart, onText: () => cancel() })
    expect(talking).toEqual({ kind: 'cancelled' })
  })
})
