import type { CalledBy, Failure, JournaledCall, Json, TaskSpec, Usage } from '@agentfleet/domain'
import {
  hearAnswer,
  replayConversation,
  type Conversation,
  type LlmAnswer,
  type UncheckedAnswer,
} from './conversation.ts'
import { commitCall, toolTurn } from './tool-turn.ts'
import {
  DEADLINE_GRACE_MS,
  failed,
  fits,
  OVER,
  type Agent,
  type AgentDeps,
  type Begun,
  type Ending,
  type Turn,
} from './turn.ts'
import type { Run } from '../node/runs.ts'
import { chooseTools } from '../tools/tool.ts'

/**
 * The loop of an LLM agent: call the model, run the tools it asks for, until it asks for none.
 *
 * Invariants: a finished call is committed before the next one begins (a crash repeats the one call
 * under way and no other); the last answer travels with the completion instead, one append less for
 * the same window; turns, tool calls, wrong calls in a row, repairs and sizes are bounded (L7); whoever
 * ends the run ends the call under way, and nothing begins after that.
 */

/** More in one answer is a model gone astray. */
const TOOL_CALLS_MAX = 32
/** So many wrong calls one after the other are no way to a result. */
const TOOL_ERRORS_MAX = 8
/** What a model does not mend when told twice, it does not mend. */
const REPAIRS_MAX = 2

/** Runs the agent from where the journal ends. */
export async function runAgent(
  run: Run,
  spec: TaskSpec,
  begun: Begun,
  deps: AgentDeps,
): Promise<Ending> {
  const agent = await agentOf(run, spec, begun, deps)
  if ('failure' in agent) return agent
  let talk = await replayConversation(spec, begun.calls, agent.rule)
  if (run.over !== undefined) return OVER
  let by: CalledBy | undefined
  deps.deltas.started(run)
  for (;;) {
    const ending = endingOf(talk, agent)
    if (ending?.kind === 'completed' && by !== undefined) return { ...ending, by }
    if (ending !== undefined) return ending
    const next =
      talk.pending.length === 0 ? await llmTurn(talk, agent) : await toolTurn(talk, agent)
    if (next.kind !== 'talk') return next
    talk = next.talk
    by = next.by
  }
}

async function agentOf(
  run: Run,
  spec: TaskSpec,
  begun: Begun,
  deps: AgentDeps,
): Promise<Agent | Extract<Ending, { kind: 'failed' }>> {
  const { responseSchema, limits } = spec
  // Before the first call is paid for.
  const checked = responseSchema && (await deps.answerChecks.checkSchema(responseSchema))
  if (checked !== undefined && checked.kind !== 'ok') return failed(schemaFailure(checked))
  const check = responseSchema && ((text: string) => deps.answerChecks.check(responseSchema, text))
  const all = deps.tools()
  const { tools, missing } = chooseTools(all, spec.tools)
  if (missing.length > 0) {
    const message = `this node has no tool ${missing.join(', ')}; it has ${[...all.keys()].join(', ')}`
    return failed({ kind: 'tool-missing', message })
  }
  const rule = { check, repairsMax: limits?.repairsMax ?? REPAIRS_MAX }
  return { run, spec, tools, begun, rule, deps }
}

/** How a conversation ends the run, if it does. */
function endingOf(talk: Conversation, { spec, deps }: Agent): Ending | undefined {
  if (talk.result !== undefined) return complete(talk.result, talk.usage, deps)
  if (talk.givenUp !== undefined) {
    const message = `the answer does not satisfy the schema: ${talk.givenUp.join('; ')}`
    return failed({ kind: 'invalid-output', message })
  }
  if (talk.unchecked !== undefined) return failed(schemaFailure(talk.unchecked))
  if (talk.toolErrors >= TOOL_ERRORS_MAX) {
    const last = talk.messages.at(-1)?.content ?? ''
    const message = `${talk.toolErrors} tool calls in a row went wrong, the last one: ${last}`
    return failed({ kind: 'tool-failed', message, retryable: false })
  }
  const { toolCallsMax } = spec.limits ?? {}
  if (toolCallsMax !== undefined && talk.pending.length > 0 && talk.toolCalls >= toolCallsMax) {
    const message = `the run has made its ${toolCallsMax} tool calls and wants more`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  return undefined
}

/** Whichever node runs the task next would meet the same schema; only a busy one is left to another try. */
function schemaFailure({ kind, problem }: UncheckedAnswer): Failure {
  const message = `responseSchema ${problem}`
  if (kind === 'busy') return { kind: 'defect', message }
  return { kind: kind === 'too-costly' ? 'schema-too-costly' : 'invalid-schema', message }
}

async function llmTurn(talk: Conversation, agent: Agent): Promise<Turn> {
  const { run, spec, deps } = agent
  if (talk.turns >= Math.min(deps.turnsMax, spec.limits?.turnsMax ?? deps.turnsMax)) {
    return failed({ kind: 'too-many-turns', message: `no result after ${talk.turns} LLM calls` })
  }
  const startedAtMs = deps.clock.monotonicMs()
  const outcome = await deps.llm.call({
    taskId: run.taskId,
    step: talk.step,
    tenant: run.tenant,
    priority: spec.priority,
    sinceMs: run.deadlineAtMs - spec.timeoutMs,
    model: spec.model,
    fallbackModels: spec.fallbackModels,
    budget: spec.budget,
    spent: talk.usage,
    messages: talk.messages,
    tools: [...agent.tools.values()].map((tool) => tool.offer),
    toolsOptional: spec.tools === undefined,
    sampling: spec.sampling,
    responseSchema: spec.responseSchema,
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
  if (outcome.kind === 'deferred') {
    // Its turn comes so late that somebody else may have the slot.
    const untilMs = deps.clock.nowMs() + outcome.retryAfterMs
    return { kind: 'paused', wait: { kind: 'time', untilMs } }
  }
  if (outcome.kind === 'failed') return brokenOff(outcome.failure, outcome.partial, talk)
  deps.metrics.llmSeconds.observe((deps.clock.monotonicMs() - startedAtMs) / 1_000)
  deps.metrics.tokens.inc({ direction: 'in' }, outcome.usage.inputTokens)
  deps.metrics.tokens.inc({ direction: 'out' }, outcome.usage.outputTokens)
  deps.deltas.flush(run)
  const { answer, usage, by } = outcome
  if (answer.toolCalls.length > TOOL_CALLS_MAX) {
    const message = `${answer.toolCalls.length} tool calls in one answer`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  const heard = await hearAnswer(talk, answer, usage, agent.rule, by.provider)
  if (run.over !== undefined) return OVER
  const ended = heard.result !== undefined || heard.unchecked !== undefined
  if (ended) return { kind: 'talk', talk: heard, by }
  const entry = { ...llmEntry(talk.step, outcome.model, answer, usage), by }
  return commitCall(run, entry, heard, deps)
}

/** A run whose budget is used up ends with the last text that it has come to, a cut answer with its text. */
function brokenOff(failure: Failure, cut: string | undefined, { messages }: Conversation): Ending {
  if (cut !== undefined) return { kind: 'failed', failure, partial: cut }
  if (failure.kind !== 'budget') return failed(failure)
  const last = messages.findLast(({ role, content }) => role === 'assistant' && content !== null)
  return { kind: 'failed', failure, ...(last?.content ? { partial: last.content } : {}) }
}

function llmEntry(step: number, name: string, answer: LlmAnswer, usage: Usage): JournaledCall {
  const { text, echo } = answer
  const toolCalls = answer.toolCalls.map((call) => ({ ...call }))
  const output = { text, toolCalls, ...(echo === undefined ? {} : { echo }) }
  return { step, kind: 'llm', name, output, usage }
}

function complete(result: Json, usage: Usage, deps: AgentDeps): Ending {
  if (fits(result, deps.resultBytesMax)) return { kind: 'completed', result, usage }
  const message = `the result is larger than ${deps.resultBytesMax} bytes`
  return failed({ kind: 'output-too-large', message })
}
