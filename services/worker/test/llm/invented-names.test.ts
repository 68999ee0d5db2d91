import { BREAKER_LIMITS, NO_USAGE } from '@agentfleet/domain'
import type { ProviderLimits } from '@agentfleet/adapters'
import { createRegistry } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createBreakers } from '../../src/llm/breakers.ts'
import { createEstimates } from '../../src/llm/estimates.ts'
import { createProviderFigures } from '../../src/llm/figures.ts'
import { createLimiters } from '../../src/llm/limiters.ts'
import { createLlm } from '../../src/llm/llm.ts'
import { createMetrics } from '../../src/metrics.ts'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { endpoint, llmOptions, providerAt, refuse, sendEvents } from '../provider/support.ts'

/** A busy tenant invents more model names than a node remembers; what it knows of a quiet tenant's model stays (L7). */

const INVENTED = 2_500
const provider = providerAt('http://127.0.0.1:1/v1')
const of = (model: string) => ({ provider, model, as: model })
const QUIET = of('of-quiet')

test('the estimate of the calls of a quiet tenant stays, no matter how many model names a busy tenant invents (L7)', () => {
  const estimates = createEstimates()
  for (let calls = 0; calls < 20; calls += 1) {
    estimates.learn('quiet', QUIET.as, 1_000, { inputTokens: 900, outputTokens: 7 })
  }
  const learned = estimates.of(QUIET.as, 1_000, undefined)
  for (let at = 0; at < INVENTED; at += 1) {
    estimates.learn('busy', `m-${at}`, 1_000, { inputTokens: 1, outputTokens: 1 })
  }
  expect(estimates.of(QUIET.as, 1_000, undefined)).toEqual(learned)
  expect(estimates.of('m-0', 1_000, undefined)).toEqual(estimates.of('unknown', 1_000, undefined))
})

test('an open circuit breaker stays open, no matter how many failing model names a busy tenant invents, and the breakers of these take a bounded memory (L7)', () => {
  const breakers = createBreakers(() => 0)
  const fail = (tenant: string, model: string): void => {
    for (let calls = 0; calls < BREAKER_LIMITS.failuresMax; calls += 1) {
      breakers.asking(tenant, of(model))
      breakers.settle(tenant, of(model), 'failure')
    }
  }
  fail('quiet', QUIET.as)
  for (let at = 0; at < INVENTED; at += 1) fail('busy', `m-${at}`)
  expect(breakers.kindOf(QUIET)).toBe('open')
  expect([breakers.kindOf(of('m-0')), breakers.kindOf(of(`m-${INVENTED - 1}`))]).toEqual([
    'closed',
    'open',
  ])
})

test('a node asks for the limits of at most 1,000 models and those under way, and the model of a quiet tenant stays among them (L7)', async () => {
  const asked: unknown[][] = []
  const shared = {
    touch(_node: string, keys: unknown[]) {
      asked.push(keys)
      return Promise.resolve({ nodes: 1, keys: [] })
    },
  } as unknown as ProviderLimits
  const options = { node: 'n', providers: [provider], shared, nowMs: () => 0, random: () => 0 }
  const limiters = createLimiters(options)
  const call = { priority: 'medium', sinceMs: 0, tokens: 1, patienceMs: 1, onWait() {} } as const
  const left = { reserved: 1, used: 1, closedMs: undefined }
  const ofQuiet = limiters.ofModel('quiet', QUIET)
  const underWay = limiters.ofModel('busy', of('under-way'))
  await underWay.enter({ ...call, id: 'c', tenant: 'busy' })
  for (let at = 0; at < INVENTED; at += 1) limiters.ofModel('busy', of(`m-${at}`))
  expect(limiters.ofModel('quiet', QUIET)).toBe(ofQuiet)
  await limiters.touch()
  expect(asked.at(-1)).toHaveLength(1 + 1_000 + 1)
  // Its place is free when its call has left.
  underWay.leave('c', left)
  limiters.sweep(0)
  await limiters.touch()
  expect(asked.at(-1)).toHaveLength(1 + 1_000)
})

test('the model of a quiet tenant stays in the list and in the metrics, and the requests to models that left are counted together (L7)', async () => {
  const figures = createProviderFigures({ nowMs: () => 0 })
  const registry = createRegistry('worker')
  const state = { breaker: 'closed', closedForMs: 0, capabilities: FULL_CAPABILITIES } as const
  const list = () => figures.list(() => state)
  const [none, requests] = [() => 0, figures.requests]
  createMetrics(registry, { running: none, lagMs: none, waiting: none, providers: list, requests })
  const failure = { kind: 'status', status: 404, message: 'no such model' } as const
  figures.answered('quiet', QUIET, { firstTokenMs: 1, totalMs: 2, outputTokens: 3 })
  for (let at = 0; at < INVENTED; at += 1) {
    figures.failed('busy', of(`m-${at}`), failure)
    // A scrape in between remembers no name.
    if (at % 100 === 0) await registry.metrics()
  }
  expect(list()).toHaveLength(64)
  expect(list().map(({ model }) => model)).toContain(QUIET.as)
  const text = await registry.metrics()
  const line = (name: string, outcome: string, count: number): string =>
    `calls_total{provider="${name}",model="${name === 'other' ? name : QUIET.as}",outcome="${outcome}",service="worker"} ${count}\n`
  expect(text).toContain(line('first', 'answered', 1))
  expect(text).toContain(line('other', 'status 404', INVENTED - 63))
})

test('a node asks the model of a quiet tenant in the form that it has learned, no matter how many models a busy tenant has taught it in the meantime (L7)', async () => {
  await using stand = await endpoint((request, response) => {
    if ('stream_options' in request) refuse(response, 400, 'Unknown parameter: stream_options')
    else {
      const choice = { index: 0, delta: { content: 'yes' }, finish_reason: 'stop' }
      sendEvents(response, `data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`)
    }
  })
  const llm = createLlm(llmOptions([providerAt(stand.url)]))
  const call = (tenant: string, model: string) =>
    llm.call({
      taskId: 'task',
      step: 0,
      tenant,
      priority: 'medium',
      sinceMs: Date.now(),
      spent: NO_USAGE,
      model,
      messages: [{ role: 'user', content: 'yes?' }],
      tools: [],
      toolsOptional: true,
      outputTokensMax: undefined,
      deadlineAtMs: Date.now() + 60_000,
      confirm: () => undefined,
      onText: () => undefined,
      onStart: () => undefined,
    })
  const asked = (model: string) => stand.seen.filter((request) => request['model'] === model).length
  try {
    await call('quiet', QUIET.as)
    expect(asked(QUIET.as)).toBe(2)
    const models = Array.from({ length: 1_100 }, (_, at) => `m-${at}`)
    const next = async (): Promise<void> => {
      for (let model = models.pop(); model !== undefined; model = models.pop()) {
        expect(await call('busy', model)).toMatchObject({ kind: 'answered' })
      }
    }
    await Promise.all(Array.from({ length: 20 }, next))
    await call('quiet', QUIET.as)
    expect(asked(QUIET.as)).toBe(3)
  } finally {
    llm.close()
  }
})
