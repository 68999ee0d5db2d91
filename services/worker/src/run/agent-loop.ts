import type { Logger } from '@agentfleet/adapters'
import type {
  Approval,
  CalledBy,
  Failure,
  JournaledCall,
  Json,
  TaskSpec,
  Usage,
  ChildRef,
  TaskError,
  TaskInput,
} from '@agentfleet/domain'
import { childTaskId, type Pause } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { AnswerChecks } from './answer-schema.ts'
import {
  addAnswer,
  addToolOutput,
  replayConversation,
  type AnswerRule,
  type Conversation,
  type LlmAnswer,
  type ToolCall,
} from './conversation.ts'
import type { Deltas } from './deltas.ts'
import type { Llm } from '../llm/llm.ts'
import type { WorkerMetrics } from '../metrics.ts'
import type { Run } from '../node/runs.ts'
import { needsApproval, refusedBy, waitForApproval } from '../tools/approval.ts'
import { delegatedResults, delegatedSpecs } from '../tools/delegate.ts'
import { parseArguments, runTool } from '../tools/run-tool.ts'
import { toolLog } from '../tools/tool-log.ts'
import { chooseTools, wrong, type ToolOutput, type Tools } from '../tools/tool.ts'

/**
 * The loop of an LLM agent: call the model, run the tools it asks for, until it asks for none.
 *
 * Invariants: a finished call is committed before the next one begins (a crash repeats the one call
 * under way and no other); the last answer travels with the completion instead, one append less for
 * the same window; turns, tool calls, wrong calls in a row, repairs and sizes are bounded (L7); whoever
 * ends the run ends the call under way, and nothing begins after that.
 */

/** How the loop ended; `over` means that the run was ended meanwhile and nothing is left to say. */
export type Ending =
  | {
      readonly kind: 'completed'
      readonly result: Json
      readonly usage: Usage
      /** Who answered the last call. */
      readonly by?: CalledBy
    }
  /** `partial`: what the run had come to when its budget ran out. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly partial?: Json }
  /** The run waits without its slot, and begins again from its journal. */
  | { readonly kind: 'paused'; readonly wait: Pause }
  | { readonly kind: 'over' }

/** What the loop needs. */
export interface AgentDeps {
  readonly llm: Llm
  /** The tools of the node as they are now: MCP servers come and go. */
  readonly tools: () => Tools
  readonly answerChecks: AnswerChecks
  readonly deltas: Deltas
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly metrics: WorkerMetrics
  readonly turnsMax: number
  readonly resultBytesMax: number
  /** Largest output of a tool, characters: all of it goes to the model again and again. */
  readonly toolOutputMax: number
  /** Commits a finished call; false when the run is over. */
  commit(run: Run, call: JournaledCall): Promise<boolean>
  /** Makes tasks of this run's own, once for each step; undefined: the run is over. */
  spawn(run: Run, step: number, specs: readonly TaskSpec[]): Promise<Spawning | undefined>
}

/** What became of a wish to make tasks. */
export type Spawning =
  { readonly kind: 'made' } | { readonly kind: 'rejected'; readonly error: TaskError }

/** More in one answer is a model gone astray. */
const TOOL_CALLS_MAX = 32
/** So many wrong calls one after the other are no way to a result. */
const TOOL_ERRORS_MAX = 8
/** What a model does not mend when told twice, it does not mend. */
const REPAIRS_MAX = 2
/** The coordinator ends the task at its deadline; the call is given up a little later. */
const DEADLINE_GRACE_MS = 1_000

/** Where an attempt begins: what is paid for, and what people said meanwhile. */
export interface Begun {
  readonly calls: readonly JournaledCall[]
  readonly approvals: readonly Approval[]
  /** Tasks that the run made, and what became of them and of those the task depends on. */
  readonly children?: readonly ChildRef[]
  readonly inputs?: readonly TaskInput[]
}

/** What stays the same for all turns of a run. */
interface Agent {
  readonly run: Run
  readonly spec: TaskSpec
  readonly tools: Tools
  readonly begun: Begun
  readonly rule: AnswerRule
  readonly deps: AgentDeps
}

/** Runs the agent from where the journal ends. */
export async function runAgent(
  run: Run,
  spec: TaskSpec,
  begun: Begun,
  deps: AgentDeps,
): Promise<Ending> {
  const agent = agentOf(run, spec, begun, deps)
  if ('failure' in agent) return agent
  let talk = replayConversation(spec, begun.calls, agent.rule)
  let by: CalledBy | undefined
  deps.deltas.started(run)
  for (;;) {
    const ending = endingOf(talk, agent)
    if (ending?.kind === 'completed' && by !== undefined) return { ...ending, by }
    if (ending !== undefined) return ending
    const [toolCall] = talk.pending
    const next =
      toolCall === undefined ? await llmTurn(talk, agent) : await toolTurn(talk, toolCall, agent)
    if (next.kind !== 'talk') return next
    talk = next.talk
    by = next.by
  }
}

function agentOf(
  run: Run,
  spec: TaskSpec,
  begun: Begun,
  deps: AgentDeps,
): Agent | Extract<Ending, { kind: 'failed' }> {
  const { responseSchema, limits } = spec
  const check = responseSchema && deps.answerChecks.of(responseSchema)
  if (check !== undefined && typeof check !== 'function') {
    return failed({ kind: 'invalid-schema', message: `responseSchema: ${check.problem}` })
  }
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

type Turn = { readonly kind: 'talk'; readonly talk: Conversation; readonly by?: CalledBy } | Ending

const OVER: Ending = { kind: 'over' }

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
  if (outcome.kind === 'failed') return brokenOff(outcome.failure, talk)
  deps.metrics.llmSeconds.observe((deps.clock.monotonicMs() - startedAtMs) / 1_000)
  deps.metrics.tokens.inc({ direction: 'in' }, outcome.usage.inputTokens)
  deps.metrics.tokens.inc({ direction: 'out' }, outcome.usage.outputTokens)
  deps.deltas.flush(run)
  const { answer, usage, by } = outcome
  if (answer.toolCalls.length > TOOL_CALLS_MAX) {
    const message = `${answer.toolCalls.length} tool calls in one answer`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  const heard = addAnswer(talk, answer, usage, agent.rule)
  if (heard.result !== undefined) return { kind: 'talk', talk: heard, by }
  const entry = { ...llmEntry(talk.step, outcome.model, answer, usage), by }
  return commit(run, entry, heard, deps)
}

/** A run whose budget is used up ends with the last text that it has come to. */
function brokenOff(failure: Failure, { messages }: Conversation): Ending {
  if (failure.kind !== 'budget') return failed(failure)
  const last = messages.findLast(({ role, content }) => role === 'assistant' && content !== null)
  return { kind: 'failed', failure, ...(last?.content ? { partial: last.content } : {}) }
}

async function toolTurn(talk: Conversation, call: ToolCall, agent: Agent): Promise<Turn> {
  const { run, deps } = agent
  const approval = agent.begun.approvals.find(({ step }) => step === talk.step)
  if (approval === undefined && needsApproval(agent.tools, call)) {
    return { kind: 'paused', wait: waitForApproval(talk.step, call) }
  }
  if (approval?.approved === false) {
    return commitTool(talk, call, refusedBy(approval), agent)
  }
  deps.deltas.tool(run, call.name)
  if (agent.tools.get(call.name)?.source === 'run') return delegateTurn(talk, call, agent)
  const startedAtMs = deps.clock.monotonicMs()
  const outcome = await runTool(agent.tools, call, {
    taskId: run.taskId,
    step: talk.step,
    deadlineAtMs: run.deadlineAtMs + DEADLINE_GRACE_MS,
    charactersMax: deps.toolOutputMax,
    nowMs: deps.clock.nowMs,
    random: deps.random,
    log: toolLog(deps.log, run.taskId, talk.step, call.name),
    onStart: (cancel) => {
      run.cancel = cancel
    },
  })
  run.cancel = undefined
  deps.metrics.toolSeconds.observe((deps.clock.monotonicMs() - startedAtMs) / 1_000)
  deps.metrics.toolCalls.inc({
    outcome: outcome.kind === 'answered' && outcome.output.error ? 'wrong' : outcome.kind,
  })
  if (outcome.kind === 'cancelled' || run.over !== undefined) return OVER
  if (outcome.kind === 'failed') return failed(outcome.failure)
  return commitTool(talk, call, outcome.output, agent)
}

/** Makes the tasks of a call once, waits for them, and hands their results to the model. */
async function delegateTurn(talk: Conversation, call: ToolCall, agent: Agent): Promise<Turn> {
  const { run, spec, begun, deps } = agent
  const { step } = talk
  const made = begun.children?.filter((child) => child.step === step) ?? []
  if (made.length > 0) {
    const output = delegatedResults(made, begun.inputs ?? [], deps.toolOutputMax)
    return output === undefined
      ? awaiting(made.map(({ taskId }) => taskId))
      : commitTool(talk, call, output, agent)
  }
  const specs = delegatedSpecs(parseArguments(call.arguments), { taskId: run.taskId, step }, spec)
  if ('text' in specs) return commitTool(talk, call, specs, agent)
  const spawning = await deps.spawn(run, step, specs)
  if (spawning === undefined) return OVER
  if (spawning.kind === 'rejected') {
    return commitTool(talk, call, wrong(spawning.error.message), agent)
  }
  return awaiting(specs.map((_spec, position) => childTaskId(run.taskId, step, position)))
}

function awaiting(taskIds: string[]): Ending {
  return { kind: 'paused', wait: { kind: 'children', taskIds } }
}

function commitTool(
  talk: Conversation,
  { id, name }: ToolCall,
  output: ToolOutput,
  { run, deps }: Agent,
): Promise<Turn> {
  const { text, error } = output
  const entry: JournaledCall = {
    step: talk.step,
    kind: 'tool',
    name,
    output: error ? { id, text, error } : { id, text },
    usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
  }
  return commit(run, entry, addToolOutput(talk, id, output), deps)
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

function complete(result: Json, usage: Usage, deps: AgentDeps): Ending {
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
