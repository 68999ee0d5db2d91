import OpenAI from 'openai'
import type { Provider } from '../../llm/provider.ts'
import { wellFormedJson } from '../shape.ts'
import type { LeavingInit } from './fetch.ts'

/** The one operation that the worker calls. */
export const CHAT_PATH = '/chat/completions'

type BuildRequest = OpenAI['buildRequest']
/** The options of a call in addition to the fields that the SDK sets. */
export type ChatInit = Omit<LeavingInit, 'body' | 'headers' | 'method' | 'signal'>

/**
 * The SDK, with a short way for the one request that this service makes.
 *
 * The SDK builds 14 headers for each call (nine describe the platform), describes them for a log that
 * is off, and gives each call a timer and an abort controller in addition to the caller's. That is
 * about a quarter of the processor time of a short call. Invariants: the URL and the authorization are those of
 * the SDK; only the caller's signal limits the time of a call.
 */
export class ChatClient extends OpenAI {
  readonly #url: string
  readonly #fetch: typeof fetch
  readonly #fields: Readonly<Record<string, string>>
  /** Stands where the SDK looks for headers: those that it sees, it copies and describes for a log that is off. */
  readonly #none = new Headers()

  constructor(
    provider: Provider,
    options: { readonly fetch: typeof fetch; readonly callMs: number },
  ) {
    super({
      fetch: options.fetch,
      // Sets everything that the SDK would otherwise read from the environment.
      apiKey: provider.key ?? 'none',
      baseURL: provider.baseUrl,
      organization: null,
      project: null,
      logLevel: 'off',
      maxRetries: 0,
      timeout: options.callMs,
    })
    this.#fetch = options.fetch
    this.#url = this.buildURL(CHAT_PATH, undefined)
    this.#fields = {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'agentfleet',
      authorization: `Bearer ${this.apiKey ?? ''}`,
    }
  }

  override async buildRequest(...[options]: Parameters<BuildRequest>): ReturnType<BuildRequest> {
    const { fields, confirm }: ChatInit = options.fetchOptions ?? {}
    const req = {
      method: 'POST',
      headers: this.#none,
      fields: { ...this.#fields, ...fields },
      body: wellFormedJson(options.body),
      signal: options.signal ?? null,
      confirm,
    }
    return { url: this.#url, timeout: this.timeout, req }
  }

  override fetchWithTimeout(
    ...[url, init]: Parameters<OpenAI['fetchWithTimeout']>
  ): Promise<Response> {
    return this.#fetch(url, init)
  }
}
