import { readFileSync } from 'node:fs'

/** The provider of LLM calls, by the environment of the start. */
export type ProviderChoice =
  | { readonly kind: 'simulated' }
  /** `says` is for people; `defaultModel` is for tasks that name no model, if it is known. */
  | { readonly kind: 'provider'; readonly says: string; readonly defaultModel?: string }

type Environment = Readonly<Record<string, string | undefined>>

interface ListedProvider {
  readonly name?: unknown
  readonly baseUrl?: unknown
  readonly models?: readonly unknown[]
}

/**
 * The provider that this environment names; without one the LLM is simulated. The workers report every
 * mistake of a list, because they read it in full.
 */
export function chooseProvider(
  env: Environment,
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): ProviderChoice {
  const named = (name: string): boolean => Boolean(env[name] || env[`${name}_FILE`])
  const wanted = env['DEFAULT_MODEL']
  const model = wanted ? { defaultModel: wanted } : {}
  if (named('PROVIDERS')) {
    const providers = listOf(env, read)
    const says = providers.map(({ name, baseUrl }) => `${String(name)} (${placeOf(baseUrl)})`)
    const first = wanted || firstModelOf(providers)
    return {
      kind: 'provider',
      says: says.join(', ') || 'the providers in the variable PROVIDERS',
      ...(first ? { defaultModel: first } : {}),
    }
  }
  if (env['OPENAI_BASE_URL']) {
    return { kind: 'provider', says: placeOf(env['OPENAI_BASE_URL']), ...model }
  }
  if (named('OPENAI_API_KEY')) {
    return { kind: 'provider', says: 'OpenAI, with the key in OPENAI_API_KEY', ...model }
  }
  return { kind: 'simulated' }
}

function listOf(env: Environment, read: (path: string) => string): readonly ListedProvider[] {
  try {
    const text = env['PROVIDERS'] || read(env['PROVIDERS_FILE'] ?? '')
    const { providers } = JSON.parse(text) as { readonly providers?: unknown }
    return Array.isArray(providers) ? (providers as readonly ListedProvider[]) : []
  } catch {
    return []
  }
}

/** The first model that is named in full. */
function firstModelOf(providers: readonly ListedProvider[]): string | undefined {
  const models = providers.flatMap((provider) => provider.models ?? [])
  const names = models.map((model) =>
    typeof model === 'string' ? model : (model as { readonly match?: unknown } | null)?.match,
  )
  return names.find((name): name is string => typeof name === 'string' && !name.includes('*'))
}

/** An address without its secrets. */
function placeOf(baseUrl: unknown): string {
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) return 'invalid URL'
  const { origin, pathname } = new URL(baseUrl)
  return origin + pathname
}
