import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { adviceRecordSchema, type AdviceRecord } from '@agentfleet/protocol'
import { expect } from 'vitest'
import { z } from 'zod'
import {
  createAdviser,
  defineQuestion,
  withinBounds,
  type Advice,
  type Adviser,
  type AdviserOptions,
} from '../src/index.ts'

/** Longest wait of a test for a condition. */
const DEADLINE_MS = 10_000

/** The behaviour of a test's provider for one call. */
export type Behaviour = (response: ServerResponse, body: CallBody) => void

interface CallBody {
  model: string
  messages: { role: string; content: string }[]
  response_format: { json_schema: { name: string; strict: boolean; schema: unknown } }
  max_completion_tokens: number
}

/** A provider over real HTTP with the behaviour that the test gives. */
export async function startProvider(first: Behaviour) {
  // An adviser loads it in the background; the first question of a test has no time for that.
  await import('openai')
  const calls: CallBody[] = []
  const waiting = new Set<ServerResponse>()
  const provider = { behaviour: first, calls, waiting }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = JSON.parse(text) as CallBody
      calls.push(body)
      waiting.add(response)
      response.once('close', () => waiting.delete(response))
      provider.behaviour(response, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return Object.assign(provider, { url, close, [Symbol.asyncDispose]: close })
}

/** A reply with this text. */
export function says(content: unknown, more: Record<string, unknown> = {}): Behaviour {
  const message = { role: 'assistant', content, refusal: null }
  const choices = [{ index: 0, message, finish_reason: 'stop', ...more }]
  return sends(200, JSON.stringify({ id: 'x', object: 'chat.completion', choices, usage: USAGE }))
}

/** 1,000 tokens in and 100 out: 0.002 USD at the prices of these tests. */
const USAGE = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
export const CALL_USD = 0.002

export function sends(status: number, body: string, type = 'application/json'): Behaviour {
  return (response) => void response.writeHead(status, { 'content-type': type }).end(body)
}

/** Never answers. */
export const hangs: Behaviour = () => undefined

export const ANSWER = { cause: 'burst', floorDelta: 1, targetUtil: 0.85, hold: true }

export const scaling = defineQuestion({
  name: 'scaling',
  instruction: 'Say what caused the load and how to bound the fleet.',
  seen: {
    queued: 'number',
    nodes: 'number',
    growing: 'boolean',
    state: ['steady', 'rising', 'falling'],
    minutes: { rowsMax: 3, row: { rate: 'number', limited: 'boolean' } },
  },
  schema: z.strictObject({
    cause: z.enum(['none', 'burst', 'provider-limit']),
    floorDelta: z.int().min(-1_000).max(1_000),
    targetUtil: z.number(),
    hold: z.boolean(),
  }),
  clamp(answer, seen) {
    // More nodes do not help against a provider's limit: one without the other is a contradiction.
    const floorMax = answer.cause === 'provider-limit' || seen.nodes >= 20 ? 0 : 2
    return withinBounds(answer, { floorDelta: [0, floorMax], targetUtil: [0.75, 0.9] })
  },
  followsPolicy: (answer) => answer.floorDelta === 0 && answer.targetUtil === 0.85 && !answer.hold,
  bucket: (seen) => ({ queued: Math.round(seen.queued / 100), state: seen.state }),
  ttlMs: 600_000,
  timeoutMs: 2_000,
})

export const SEEN = {
  queued: 1_200,
  nodes: 4,
  growing: true,
  state: 'rising' as const,
  minutes: [{ rate: 12.3456789, limited: false }],
}

type Ask = (
  seen?: typeof SEEN,
  signal?: AbortSignal,
) => Promise<Advice<z.output<typeof scaling.schema>>>

/** An adviser with everything that it reports. */
export function setup(options: Partial<AdviserOptions> = {}) {
  let elapsedMs = 0
  const clock = {
    nowMs: () => 1_700_000_000_000 + elapsedMs,
    monotonicMs: () => elapsedMs,
    advance: (ms: number) => void (elapsedMs += ms),
  }
  const lines: { level: string; object: object; message: string | undefined }[] = []
  const write = (level: string) => (object: object, message?: string) =>
    void lines.push({ level, object, message })
  const records: AdviceRecord[] = []
  const adviser: Adviser = createAdviser({
    mode: 'on',
    apiKey: 'key-of-the-test',
    baseUrl: undefined,
    model: 'model',
    clock,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    // OPS must accept the record.
    onAsked: (record) => void records.push(adviceRecordSchema.parse(record)),
    prices: { model: { inputUsdPerMillion: 1, outputUsdPerMillion: 10 } },
    ...options,
    limits: {
      callsPerHour: 1_000,
      usdPerHour: 100,
      callsAtOnce: 8,
      timeoutMs: 2_000,
      outputTokensMax: 1_000,
      ...options.limits,
    },
  })
  const ask: Ask = (seen = SEEN, signal = new AbortController().signal) =>
    adviser.ask(scaling, seen, signal)
  /** Asks for a tenant that shares the budget with other tenants. */
  const askFor = (payer: Parameters<Adviser['ask']>[3], seen: typeof SEEN) =>
    adviser.ask(scaling, seen, new AbortController().signal, payer)
  return { adviser, ask, askFor, clock, lines, records }
}

/** The n-th of many different states. */
export function stateOf(n: number): typeof SEEN {
  return { ...SEEN, queued: n * 1_000 }
}

/** Waits until the assertion holds. */
export async function eventually(assertion: () => void): Promise<void> {
  await expect.poll(() => (assertion(), true), { timeout: DEADLINE_MS, interval: 5 }).toBe(true)
}
