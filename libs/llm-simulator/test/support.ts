import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http'
import { createSimulator, type Simulator, type SimulatorOptions } from '../src/index.ts'

/** Longest wait of a test for a condition. */
const DEADLINE_MS = 10_000

type RunningSimulator = Simulator & AsyncDisposable & { readonly url: string }

export async function startSimulator(options: SimulatorOptions = {}): Promise<RunningSimulator> {
  const simulator = createSimulator({ ttftMs: 0, tokensPerSecond: 0, ...options })
  const { url } = await simulator.listen()
  return { ...simulator, url, [Symbol.asyncDispose]: simulator.close }
}

/** A chat request; `body` overrides the fields of a prompt for the model. */
export function chat(
  url: string,
  body: Record<string, unknown>,
  init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify({ model: 'sim', messages: [{ role: 'user', content: 'hello' }], ...body }),
    signal: init.signal ?? AbortSignal.timeout(DEADLINE_MS),
  })
}

export interface Chunk {
  id: string
  object: string
  model: string
  choices: {
    index: number
    delta: {
      role?: string
      content?: string | null
      tool_calls?: {
        index: number
        id?: string
        type?: string
        function: { name?: string; arguments: string }
      }[]
    }
    finish_reason: string | null
  }[]
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null
}

/** The data of every server-sent event, in order. */
export async function readEvents(response: Response): Promise<string[]> {
  const text = await response.text()
  const events = text.split('\n\n')
  if (events.pop() !== '') throw new Error('the stream does not end with an empty line')
  return events.map((event) => {
    if (!event.startsWith('data: ')) throw new Error(`not an event: ${event}`)
    return event.slice('data: '.length)
  })
}

export async function readChunks(response: Response): Promise<Chunk[]> {
  const events = await readEvents(response)
  if (events.pop() !== '[DONE]') throw new Error('the stream does not end with [DONE]')
  return events.map((event) => JSON.parse(event) as Chunk)
}

export function textOf(chunks: Chunk[]): string {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
}

export async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

/** The content of a whole answer, as far as the tests check it: a completion or an error. */
export interface Answer {
  choices: { message: { content: string | null; tool_calls?: unknown }; finish_reason: string }[]
  usage: { completion_tokens: number }
  error: { message: string; type: string; param: string | null; code: string | null }
}

export async function readAnswer(response: Response): Promise<Answer> {
  return (await response.json()) as Answer
}

export async function postJson(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body) })
}

/** Waits until the assertion holds. */
export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** A bare request whose response the test reads, or leaves unread. */
export function openStream(
  url: string,
  body: Record<string, unknown>,
  agent?: Agent,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify({
      stream: true,
      messages: [{ role: 'user', content: 'x' }],
      ...body,
    })
    const request = httpRequest(
      `${url}/v1/chat/completions`,
      { method: 'POST', ...(agent && { agent }) },
      resolve,
    )
    request.once('error', reject)
    request.end(text)
  })
}
