import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { UNLIMITED, type JournaledCall, type TaskSpec } from '@agentfleet/domain'
import { createLlm } from '../../src/llm/llm.ts'
import type { LlmOptions } from '../../src/llm/request.ts'
import type { Provider } from '../../src/llm/provider.ts'
import { createRuns } from '../../src/node/runs.ts'
import { runAgent } from '../../src/run/agent-loop.ts'
import type { Ending } from '../../src/run/turn.ts'
import { agentDeps } from '../run/deps.ts'
import { builtInTools } from '../../src/tools/built-in.ts'

const nothing = (): void => undefined

/** A provider at this address. */
export function providerAt(baseUrl: string, change: Partial<Provider> = {}): Provider {
  return {
    name: 'first',
    baseUrl,
    key: 'test-key',
    models: [{ match: '*' }],
    limits: UNLIMITED,
    prices: {},
    pricesVersion: 'v1',
    firstTokenMs: undefined,
    ...change,
  }
}

/** The options of LLM calls, with short waits. */
export function llmOptions(
  providers: readonly Provider[],
  change: Partial<LlmOptions> = {},
): LlmOptions {
  return {
    node: 'node',
    providers,
    budgets: {},
    shared: undefined,
    silenceMs: 5_000,
    firstTokenMs: 5_000,
    callMs: 10_000,
    waitMs: 5_000,
    outputBytesMax: 100_000,
    nowMs: Date.now,
    random: Math.random,
    ...change,
  }
}

let tasks = 0

/** Runs one task with these providers, with the real loop and the built-in tools of a node. */
export async function runTask(
  providers: readonly Provider[],
  change: Partial<TaskSpec> = {},
  limits: Partial<Pick<LlmOptions, 'silenceMs' | 'firstTokenMs' | 'callMs'>> = {},
): Promise<{ readonly ending: Ending; readonly journal: readonly JournaledCall[] }> {
  const spec: TaskSpec = {
    task: 'What is 6*7?',
    agent: 'assistant',
    model: 'any',
    cpu: 'low',
    memory: 'low',
    priority: 'medium',
    timeoutMs: 300_000,
    maxAttempts: 1,
    ...change,
  }
  const llm = createLlm(llmOptions(providers, { random: () => 0, ...limits }))
  const sweeper = setInterval(() => llm.sweep(Date.now()), 20)
  const journal: JournaledCall[] = []
  const run = createRuns(nothing).add(
    {
      taskId: `task-${(tasks += 1)}`,
      tenant: 'a',
      seq: 1,
      claim: 'c',
      deadlineAtMs: Date.now() + spec.timeoutMs,
      fenced: false,
    },
    0,
    0,
  )
  try {
    const ending = await runAgent(
      run,
      spec,
      { calls: [], approvals: [] },
      agentDeps({
        llm,
        tools: () => builtInTools(),
        turnsMax: 6,
        resultBytesMax: 100_000,
        journalBytesMax: 1_000_000,
        toolOutputMax: 10_000,
        async commit(_run, call) {
          journal.push(call)
          return true
        },
      }),
    )
    return { ending, journal }
  } finally {
    clearInterval(sweeper)
    llm.close()
  }
}

/** The parts of a request that these tests check. */
export interface SeenRequest {
  readonly messages: readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

/** An endpoint that answers with this function and records the requests. */
export async function endpoint(
  answer: (request: SeenRequest, response: ServerResponse, seen: readonly SeenRequest[]) => void,
) {
  const seen: SeenRequest[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(pieces).toString()) as SeenRequest
      seen.push(body)
      answer(body, response, seen)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/v1`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends a whole stream. */
export function sendEvents(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(text)
}

/** Refuses a request. */
export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error: { message } }))
}
