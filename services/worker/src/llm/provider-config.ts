import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ModelPrice } from '@agentfleet/domain'
import { readJsonSetting, TOKEN_PATTERN } from '@agentfleet/protocol'
import { ConfigError, holdsCredentials, isSendable, UNSENDABLE } from '@agentfleet/runtime'
import { z } from 'zod'
import { capabilitiesSchema, type Capabilities } from '../provider/request/capabilities.ts'
import type { Provider } from './provider.ts'

/**
 * The configured providers and budgets: `PROVIDERS` (JSON, or a file through `PROVIDERS_FILE`); without it, the
 * provider of OPENAI_API_KEY and OPENAI_BASE_URL. All problems are reported together and without keys.
 */

const PROVIDERS_GUIDE = 'docs/guides/providers-and-limits.md'
const OPENAI_URL = 'https://api.openai.com/v1'
/** Bounds the providers that a single call may ask one after another. */
const PROVIDERS_MAX = 32

const perMillion = z.number().min(0).max(1_000_000)
const limit = z.number().int().min(0).max(1_000_000_000).default(0)
const pricesOfModel = z
  .strictObject({ input: perMillion, output: perMillion, cachedInput: perMillion.optional() })
  .transform(({ input, output, cachedInput }): ModelPrice => ({
    inputUsdPerMillion: input,
    outputUsdPerMillion: output,
    ...(cachedInput === undefined ? {} : { cachedInputUsdPerMillion: cachedInput }),
  }))
const pattern = z.string().min(1).max(200).regex(/^\S+$/, 'must not contain blanks')
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .refine((url) => !holdsCredentials(url), {
    error: 'must not hold a user or a password; use key or keyFile',
  })
const providerSchema = z
  .strictObject({
    name: z.string().regex(TOKEN_PATTERN, 'must be 1 to 48 lower-case letters, digits or -'),
    baseUrl: httpUrl,
    key: z
      .string()
      .min(1)
      .refine(isSendable, { error: `holds ${UNSENDABLE}` })
      .optional(),
    keyFile: z.string().min(1).optional(),
    models: z
      .array(z.union([pattern, z.strictObject({ match: pattern, as: pattern.optional() })]))
      .min(1)
      .max(1_000)
      .default(['*']),
    limits: z
      .strictObject({ rpm: limit, tpm: limit, concurrent: limit })
      .default({ rpm: 0, tpm: 0, concurrent: 0 }),
    prices: z.record(pattern, pricesOfModel).default({}),
    firstTokenMs: z.number().int().min(10).max(3_600_000).optional(),
    /** What the endpoint does not accept; the worker learns the rest from its refusals. */
    capabilities: capabilitiesSchema.partial().optional(),
  })
  .refine(({ key, keyFile }) => key === undefined || keyFile === undefined, {
    error: 'has both key and keyFile; set only one of them',
  })
const fileSchema = z.strictObject({
  /** Identifies the price tables in the journal; default: a digest of them. */
  pricesVersion: z.string().min(1).max(64).optional(),
  providers: z.array(providerSchema).min(1).max(PROVIDERS_MAX),
})

/** The variables that define providers. */
interface ProviderEnv {
  readonly PROVIDERS?: string | undefined
  readonly OPENAI_API_KEY?: string | undefined
  readonly OPENAI_BASE_URL?: string | undefined
  readonly LLM_PRICES: Readonly<Record<string, ModelPrice>>
  readonly PROVIDER_RPM: number
  readonly PROVIDER_TPM: number
  readonly PROVIDER_CONCURRENT: number
}

/** Returns the providers in the order in which they are asked; without one, only built-in models run. */
export function providersOf(env: ProviderEnv): readonly Provider[] {
  return env.PROVIDERS === undefined ? stockProvider(env) : listedProviders(env.PROVIDERS)
}

/** Returns the providers of PROVIDERS; throws a ConfigError with every problem. */
export function listedProviders(text: string): readonly Provider[] {
  const problems: string[] = []
  const parsed = readJsonSetting('PROVIDERS', text, fileSchema, PROVIDERS_GUIDE)
  if (parsed.kind === 'wrong') throw new ConfigError(parsed.problems)
  const { pricesVersion, providers: entries } = parsed.value
  const providers = entries.map(({ keyFile, ...entry }, index): Provider => ({
    ...entry,
    key: entry.key ?? keyOfFile(keyFile, index, problems),
    models: entry.models.map((model) => (typeof model === 'string' ? { match: model } : model)),
    pricesVersion: pricesVersion ?? digestOf(entry.prices),
    capabilities: entry.capabilities as Partial<Capabilities> | undefined,
  }))
  const names = providers.map(({ name }) => name)
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
    problems.push(
      `PROVIDERS: two providers have the name ${name}; give each provider a different name`,
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return providers
}

function stockProvider(env: ProviderEnv): readonly Provider[] {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl } = env
  if (key === undefined && baseUrl === undefined) return []
  return [
    {
      name: 'openai',
      baseUrl: baseUrl ?? OPENAI_URL,
      key,
      models: [{ match: '*' }],
      limits: { rpm: env.PROVIDER_RPM, tpm: env.PROVIDER_TPM, concurrent: env.PROVIDER_CONCURRENT },
      prices: env.LLM_PRICES,
      pricesVersion: digestOf(env.LLM_PRICES),
    },
  ]
}

function digestOf(prices: Readonly<Record<string, ModelPrice>>): string {
  const text = JSON.stringify(Object.entries(prices).sort(([a], [b]) => (a < b ? -1 : 1)))
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

function keyOfFile(path: string | undefined, index: number, problems: string[]) {
  if (path === undefined) return undefined
  try {
    const key = readFileSync(path, 'utf8').trim()
    if (key !== '' && isSendable(key)) return key
    const problem = key === '' ? 'is empty; it must contain a key' : `holds ${UNSENDABLE}`
    problems.push(`PROVIDERS: providers.${index}.keyFile ${path} ${problem}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.push(
      `PROVIDERS: providers.${index}.keyFile ${path} cannot be read (${code}); it must be a readable file with a key`,
    )
  }
  return undefined
}
