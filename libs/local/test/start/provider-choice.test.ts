import { expect, test } from 'vitest'
import { chooseProvider } from '../../src/start/provider-choice.ts'

const list = (...providers: object[]) => JSON.stringify({ providers })
const two = list(
  { name: 'local', baseUrl: 'http://user:secret@10.0.0.7:8000/v1?key=secret', models: ['big-*'] },
  { name: 'openai', baseUrl: 'https://api.openai.com/v1', models: [{ match: 'gpt-4o' }, 'o3'] },
)
const bothPlaces = 'local (http://10.0.0.7:8000/v1), openai (https://api.openai.com/v1)'

test.each([
  [{}, { kind: 'simulated' }],
  [{ OPENAI_API_KEY: '', PROVIDERS: '' }, { kind: 'simulated' }],
  [{ OPENAI_API_KEY: 'k' }, { kind: 'provider', says: 'OpenAI, with the key in OPENAI_API_KEY' }],
  [
    { OPENAI_API_KEY_FILE: '/k' },
    { kind: 'provider', says: 'OpenAI, with the key in OPENAI_API_KEY' },
  ],
  [
    { OPENAI_BASE_URL: 'http://h:1/v1', DEFAULT_MODEL: 'm' },
    { kind: 'provider', says: 'http://h:1/v1', defaultModel: 'm' },
  ],
  [{ PROVIDERS: two }, { kind: 'provider', says: bothPlaces, defaultModel: 'gpt-4o' }],
  [{ PROVIDERS_FILE: '/two' }, { kind: 'provider', says: bothPlaces, defaultModel: 'gpt-4o' }],
  [
    { PROVIDERS: two, DEFAULT_MODEL: 'big-1', OPENAI_API_KEY: 'k' },
    { kind: 'provider', says: bothPlaces, defaultModel: 'big-1' },
  ],
  // The workers report its fault.
  [
    { PROVIDERS: 'nonsense' },
    { kind: 'provider', says: 'the providers in the variable PROVIDERS' },
  ],
  [{ PROVIDERS: list() }, { kind: 'provider', says: 'the providers in the variable PROVIDERS' }],
  [{ PROVIDERS: list({ name: 'a', baseUrl: 'x' }) }, { kind: 'provider', says: 'a (invalid URL)' }],
])('a start with the environment %o chooses the LLM provider %o', (env, choice) => {
  expect(chooseProvider(env, () => two)).toEqual(choice)
})
