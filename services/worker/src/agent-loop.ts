import type { Failure, JournaledCall, Json, TaskSpec, Usage } from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'
import {
  addAnswer,
  addToolOutput,
  replayConversation,
  type Conversation,
  type LlmAnswer,
  type ToolCall,
} from './conversation.ts'
import type { Deltas } from './deltas.ts'
import type { Llm } from './llm.ts'
import type { WorkerMetrics } from './metrics.ts'
import type { Run } from './runs.ts'
import { runTool, type ToolOffer, type Tools } from './tools.ts'

/**
 * The loop of an LLM agent: call the model, run the tools it asks for, until it asks for none.
 *
 * Invariants: a finished call is committed before the next one begins (a crash repeats the one call
 * under way and no other); the last answer travels with the completion instead, one append less for
 * the same window; turns, tool calls and sizes are bounded (L7).
 */

/** How the loop ended; `over` means that the run was ended meanwhile and nothing is left to say. */
export type Ending =
  | { readonly kind: 'completed'; readonly result: Json; readonly usage: Usage }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'over' }

/** What the loop needs. */
export interface AgentDeps {
  readonly llm: Llm
  readonly tools: Tools
  readonly deltas: Deltas
  readonly clock: Clock
  readonly metrics: WorkerMetrics
  readonly turnsMax: number
  readonly resultBytesMax: number
  /** Commits a finished call; false when the run is over. */
  commit(run: Run, call: JournaledCall): Promise<boolean>
}

/** More in one answer is a model gone astray. */
const TOOL_CALLS_MAX = 32
/** The coordinator ends the task at its deadline; the call is given up a little later. */
const DEADLINE_GRACE_MS = 1_000

/** Runs the agent from where the journal ends. */
export async function runAgent(
  run: Run,
  spec: TaskSpec,
  journal: readonly JournaledCall[],
  deps: AgentDeps,
): Promise<Ending> {
  let talk = replayConversation(spec, journal)
  const offers = [...deps.tools.values()].map((tool) => tool.offer)
  deps.deltas.started(run)
  for (;;) {
    if (talk.answer !== undefined) return complete(talk.answer, talk.usage, deps)
    const [toolCall] = talk.pending
    const next =
      toolCall === undefined
        ? await llmTurn(run, spec, talk, offers, deps)
        : await toolTurn(run, talk, toolCall, deps)
    if (next.kind !== 'talk') return next
    talk = next.talk
  }
}

type Turn = { readonly kind: 'talk'; readonly talk: Conversation } | Ending

const OVER: Ending = { kind: 'over' }

async function llmTurn(
  run: Run,
  spec: TaskSpec,
  talk: Conversation,
  offers: readonly ToolOffer[],
  deps: AgentDeps,
): Promise<Turn> {
  if (talk.turns >= deps.turnsMax) {
    return failed({ kind: 'too-many-turns', message: `no result after ${talk.turns} LLM calls` })
  }
  const startedAtMs = deps.clock.monotonicMs()
  const outcome = await deps.llm.call({
    taskId: run.taskId,
    step: talk.step,
    model: spec.model,
    messages: talk.messages,
    tools: offers,
    outputTokensMax: spec.maxOutputTokens,
    deadlineAtMs: run.deadlineAtMs + DEADLINE_GRACE_MS,
    onText: (text) => deps.deltas.text(run, text),
    onStart: (cancel) => {
      run.cancel = cancel
    },
  })
  run.cancel = undefined
  deps.metrics.llmCalls.inc({ outcome: outcome.kind })
  if (outcome.kind === 'cancelled' || run.over !== undefined) return OVER
  if (outcome.kind === 'failed') return failed(outcome.failure)
  deps.metrics.llmSeconds.observe((deps.clock.monotonicMs() - startedAtMs) / 1_000)
  deps.metrics.tokens.inc({ direction: 'in' }, outcome.usage.inputTokens)
  deps.metrics.tokens.inc({ direction: 'out' }, outcome.usage.outputTokens)
  deps.deltas.flush(run)
  const { answer, usage } = outcome
  if (answer.toolCalls.length > TOOL_CALLS_MAX) {
    const message = `${answer.toolCalls.length} tool calls in one answer`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  const heard = addAnswer(talk, answer, usage)
  if (heard.answer !== undefined) return { kind: 'talk', talk: heard }
  return commit(run, llmEntry(talk.step, spec.model, answer, usage), heard, deps)
}

async function toolTurn(
  run: Run,
  talk: Conversation,
  call: ToolCall,
  deps: AgentDeps,
): Promise<Turn> {
  deps.deltas.tool(run, call.name)
  let text: string
  try {
    text = runTool(deps.tools, call)
  } catch (error) {
    return failed({ kind: 'tool-failed', message: `${call.name}: ${String(error)}` })
  }
  const entry: JournaledCall = {
    step: talk.step,
    kind: 'tool',
    name: call.name,
    output: { id: call.id, text },
    usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
  }
  return commit(run, entry, addToolOutput(talk, call.id, text), deps)
}

async function commit(
  run: Run,
  entry: JournaledCall,
  talk: Conversation,
  deps: AgentDeps,
): Promise<Turn> {
  if (!fits(entry.output, deps.resultBytesMax)) {
    const message = `the output of step ${entry.step} is larger than ${deps.resultBytesMax} bytes`
    return failed({ kind: 'output-too-large', message })
  }
  return (await deps.commit(run, entry)) ? { kind: 'talk', talk } : OVER
}

function llmEntry(step: number, name: string, answer: LlmAnswer, usage: Usage): JournaledCall {
  const toolCalls = answer.toolCalls.map((call) => ({ ...call }))
  return { step, kind: 'llm', name, output: { text: answer.text, toolCalls }, usage }
}

function complete(result: string, usage: Usage, deps: AgentDeps): Ending {
  if (fits(result, deps.resultBytesMax)) return { kind: 'completed', result, usage }
  const message = `the result is larger than ${deps.resultBytesMax} bytes`
  return failed({ kind: 'output-too-large', message })
}

function failed(failure: Failure): Extract<Ending, { kind: 'failed' }> {
  return { kind: 'failed', failure }
}

/** Whether a value is no larger than this as JSON. */
function fits(value: Json, bytesMax: number): boolean {
  return Buffer.byteLength(JSON.stringify(value)) <= bytesMax
}
