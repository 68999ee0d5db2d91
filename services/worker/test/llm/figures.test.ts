import { createRegistry } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createProviderFigures } from '../../src/llm/figures.ts'
import { createMetrics } from '../../src/metrics.ts'
import { FULL_CAPABILITIES } from '../../src/provider/request/capabilities.ts'
import { providerAt } from '../provider/support.ts'

const provider = providerAt('http://127.0.0.1:1/v1', { name: 'groq', key: undefined })

test('the metrics show calls, failures, the circuit breaker, closed times, speed and learned capabilities for each provider and model', async () => {
  const registry = createRegistry('worker')
  const figures = createProviderFigures({ nowMs: () => 1_000 })
  createMetrics(registry, {
    running: () => 0,
    lagMs: () => 0,
    waiting: () => 0,
    requests: figures.requests,
    providers: () =>
      figures.list(() => ({
        breaker: 'open',
        closedForMs: 2_500,
        capabilities: { ...FULL_CAPABILITIES, streamOptions: false, dropped: ['seed'] },
      })),
  })
  const candidate = { provider, model: 'fast', as: 'llama-3' }
  figures.answered('acme', candidate, { firstTokenMs: 250, totalMs: 1_250, outputTokens: 40 })
  figures.failed('acme', candidate, { kind: 'status', status: 429, message: 'slow down' })
  const text = await registry.metrics()
  const line = (name: string, value: string, more = ''): string =>
    `fleet_worker_provider_${name}{provider="groq",model="llama-3"${more},service="worker"} ${value}\n`
  expect(text).toContain(line('calls_total', '1', ',outcome="answered"'))
  expect(text).toContain(line('calls_total', '1', ',outcome="status 429"'))
  expect(text).toContain(line('closed', '1'))
  expect(text).toContain(line('closed_seconds', '2.5'))
  expect(text).toContain(line('first_token_seconds', '0.25'))
  expect(text).toContain(line('probing', '0'))
  expect(text).toContain(line('tokens_per_second', '40'))
  expect(text).toContain(line('learned', '1', ',capability="streamOptions=false"'))
  expect(text).toContain(line('learned', '1', ',capability="dropped=seed"'))
  expect(text).toContain(line('last_error_age_seconds', '0', ',outcome="status 429"'))
})
