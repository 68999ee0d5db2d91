import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig } from '@agentfleet/runtime'
import { describe, expect, test } from 'vitest'
import { schema } from '../../src/config.ts'
import { providersOf } from '../../src/llm/provider-config.ts'
import { candidatesOf, keyId, priceOf } from '../../src/llm/provider.ts'

const load = (env: Record<string, string>) =>
  providersOf(loadConfig(schema, { SERVICE_ID: 'n1', ...env }))

function problemsOf(call: () => unknown): readonly string[] {
  try {
    call()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the configured LLM providers', () => {
  test('consist of the provider of OPENAI_API_KEY, with its limits and prices, when no list is set', () => {
    expect(load({})).toEqual([])
    const [stock] = load({ OPENAI_API_KEY: 'k', PROVIDER_RPM: '60', LLM_PRICES: 'm=1/2' })
    expect(stock).toMatchObject({
      name: 'openai',
      baseUrl: 'https://api.openai.com/v1',
      limits: { rpm: 60, tpm: 0, concurrent: 0 },
      prices: { m: { inputUsdPerMillion: 1, outputUsdPerMillion: 2 } },
    })
  })

  test('come only from the list in PROVIDERS when it is set, and their keys are read from files', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
    await writeFile(join(dir, 'key'), 'from-a-file\n')
    const baseUrl = 'https://a.example/v1'
    const PROVIDERS = JSON.stringify({
      pricesVersion: 'v7',
      providers: [
        { name: 'a', baseUrl, keyFile: join(dir, 'key'), models: ['gpt-*'] },
        {
          name: 'b',
          baseUrl,
          key: 'from-a-file',
          models: [{ match: 'gpt-4o', as: 'other' }],
          prices: { 'o*': { input: 1, output: 3 } },
        },
      ],
    })
    const providers = load({ PROVIDERS, OPENAI_API_KEY: 'unused' })
    await rm(dir, { recursive: true })
    expect(providers.map(({ name }) => name)).toEqual(['a', 'b'])
    // The same key of the same provider has one limit.
    expect(new Set(providers.map(keyId)).size).toBe(1)
    expect(keyId(providers[0]!)).not.toContain('from-a-file')
    const candidates = candidatesOf(providers, ['gpt-4o', 'gpt-5'])
    expect(candidates.map(({ provider, as }) => `${provider.name} ${as}`)).toEqual([
      'a gpt-4o',
      'b other',
      'a gpt-5',
    ])
    expect(candidates.map(priceOf)).toEqual([
      undefined,
      { inputUsdPerMillion: 1, outputUsdPerMillion: 3 },
      undefined,
    ])
  })

  test('are refused when the file of a key holds more than one key, without showing it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
    const keyFile = join(dir, 'key')
    const PROVIDERS = JSON.stringify({ providers: [{ name: 'a', baseUrl: 'http://x', keyFile }] })
    await writeFile(keyFile, '\uFEFFsk-very-secret\r\n')
    expect(load({ PROVIDERS })).toMatchObject([{ key: 'sk-very-secret' }])
    await writeFile(keyFile, 'sk-very-secret\nsk-other-secret\n')
    const problems = problemsOf(() => load({ PROVIDERS }))
    expect(problems).toEqual([
      expect.stringContaining(`providers.0.keyFile ${keyFile} holds a blank`),
    ])
    expect(problems.join()).not.toContain('secret')
    await rm(dir, { recursive: true })
  })

  test('that are invalid are reported together, and the report contains no keys', () => {
    const PROVIDERS = JSON.stringify({
      providers: [
        { name: 'A!', baseUrl: 'ftp://x', key: 'sk-very-secret', limits: { rpm: -1 } },
        { name: 'b', baseUrl: 'http://x', typo: 1, prices: { m: { input: 1 } } },
      ],
    })
    const problems = problemsOf(() => load({ PROVIDERS }))
    const text = problems.join('\n')
    for (const place of [
      'providers.0.name',
      'providers.0.baseUrl',
      'providers.0.limits.rpm',
      'providers.1.prices.m.output',
      'typo',
    ]) {
      expect(text).toContain(place)
    }
    expect(text).not.toContain('secret')
    const inAddress = { name: 'c', baseUrl: 'https://secret-token@api.example/v1' }
    const refused = problemsOf(() =>
      load({ PROVIDERS: JSON.stringify({ providers: [inAddress] }) }),
    )
    expect(refused).toEqual([
      'PROVIDERS: providers.0.baseUrl: must not hold a user or a password; use key or keyFile',
    ])
    expect(problemsOf(() => load({ PROVIDERS: '{"key":"sk-very-secret"' })).join()).toContain(
      'PROVIDERS: must be JSON, but it has an error at line 1, column 24; docs/guides/providers-and-limits.md has',
    )
    // A client would repeat such a key in its error.
    const unsendable = { name: 'c', baseUrl: 'http://x', key: 'sk-very-secret\n' }
    expect(
      problemsOf(() => load({ PROVIDERS: JSON.stringify({ providers: [unsendable] }) })),
    ).toEqual([
      expect.stringMatching(/^PROVIDERS: providers\.0\.key: holds a blank, a control character/),
    ])
    const twice = { name: 'b', baseUrl: 'http://x' }
    const doubled = JSON.stringify({ providers: [twice, twice] })
    expect(problemsOf(() => load({ PROVIDERS: doubled })).join()).toContain('two providers')
  })
})
