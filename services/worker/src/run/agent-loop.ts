import type { Failure, JournaledCall, Json, TaskSpec, Usage } from '@agentfleet/domain'
import {
  hearAnswer,
  replayConversation,
  type Conversation,
  type LlmAnswer,
  type UncheckedAnswer,
} from './conversation.ts'
import { callModel } from './model-call.ts'
import { commitCall, toolTurn } from './tool-turn.ts'
import {
  OVER,
  bytesOf,
  failed,
  journaledBytes,
  type Agent,
  type AgentDeps,
  type Begun,
  type Ending,
  type LastCall,
  type Turn,
} from './turn.ts'
import type { Run } from '../node/runs.ts'
import { chooseTools, toolsOfTenant } from '../tools/tool.ts'

/**
 * The loop of an LLM agent: it calls the model and runs the tools that the model requests, until
 * the model requests no tool.
 *
 * Invariants: a finished call is committed before the next one begins, so a crash repeats only the
 * call under way; the last answer is committed with the completion instead, which saves an append;
 * turns, tool calls, consecutive wrong calls, repairs and sizes are bounded (L7); ending the run
 * ends the call under way, and nothing begins after that.
 */

/** More tool calls in one answer are a defect of the model. */
const TOOL_CALLS_MAX = 32
/** After this many consecutive wrong calls the model will not recover. */
const TOOL_ERRORS_MAX = 8
/** A model that fails to correct its answer twice will not succeed. */
const REPAIRS_MAX = 2

/** Runs the agent from the end of the journal. */
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
  let last: LastCall | undefined
  deps.deltas.started(run)
  for (;;) {
    const ending = endingOf(talk, agent)
    if (ending?.kind === 'completed' && last !== undefined) {
      return { by: last.by, lastCall: last.lastCall, ...ending }
    }
    if (ending !== undefined) return ending
    const next =
      talk.pending.length === 0 ? await llmTurn(talk, agent) : await toolTurn(talk, agent)
    if (next.kind !== 'talk') return next
    talk = next.talk
    last = next.last
  }
}

async function agentOf(
  run: Run,
  spec: TaskSpec,
  begun: Begun,
  deps: AgentDeps,
): Promise<Agent | Extract<Ending, { kind: 'failed' }>> {
  const { responseSchema, limits } = spec
  // Checked before the first call is paid for.
  const checked =
    responseSchema && (await deps.answerChecks.checkSchema(responseSchema, run.tenant))
  if (checked !== undefined && checked.kind !== 'ok') return failed(schemaFailure(checked))
  const check =
    responseSchema && ((text: string) => deps.answerChecks.check(responseSchema, text, run.tenant))
  const node = deps.tools()
  const all = toolsOfTenant(node, run.tenant, deps.tenantTools)
  const { tools, missing } = chooseTools(all, spec.tools)
  // Another node has the same rules, so another attempt would end the same way.
  const denied = missing.filter((name) => chooseTools(node, [name]).missing.length === 0)
  if (denied.length > 0) {
    const message = `the tenant ${run.tenant} may not use the tool ${denied.join(', ')}`
    return failed({ kind: 'tool-denied', message })
  }
  if (missing.length > 0) {
    const message = `this node has no tool ${missing.join(', ')}; its tools: ${[...all.keys()].join(', ')}`
    return failed({ kind: 'tool-missing', message })
  }
  const rule = { check, repairsMax: limits?.repairsMax ?? REPAIRS_MAX }
  const bytes = begun.calls.reduce((sum, { output }) => sum + journaledBytes(bytesOf(output)), 0)
  return { run, spec, tools, begun, rule, journal: { bytes }, deps }
}

/** Returns how a conversation ends the run, if it does. */
function endingOf(talk: Conversation, { spec, deps }: Agent): Ending | undefined {
  if (talk.result !== undefined) return complete(talk.result, talk.usage, deps)
  if (talk.givenUp !== undefined) {
    const message = `the answer does not satisfy the schema: ${talk.givenUp.join('; ')}`
    return failed({ kind: 'invalid-output', message })
  }
  if (talk.unchecked !== undefined) return failed(schemaFailure(talk.unchecked))
  if (talk.toolErrors >= TOOL_ERRORS_MAX) {
    const last = talk.messages.at(-1)?.content ?? ''
    const message = `${talk.toolErrors} consecutive tool calls failed; the last error: ${last}`
    return failed({ kind: 'tool-failed', message, retryable: false })
  }
  const { toolCallsMax } = spec.limits ?? {}
  if (toolCallsMax !== undefined && talk.pending.length > 0 && talk.toolCalls >= toolCallsMax) {
    const message = `the run has made ${toolCallsMax} tool calls, the most allowed, and requests more`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  return undefined
}

/** Every node would meet the same schema, so only a busy checker is worth another attempt. */
function schemaFailure({ kind, problem }: UncheckedAnswer): Failure {
  const message = `responseSchema ${problem}`
  if (kind === 'busy') return { kind: 'defect', message }
  return { kind: kind === 'too-costly' ? 'schema-too-costly' : 'invalid-schema', message }
}

async function llmTurn(talk: Conversation, agent: Agent): Promise<Turn> {
  const { run, spec, deps } = agent
  if (talk.turns >= Math.min(deps.turnsMax, spec.limits?.turnsMax ?? deps.turnsMax)) {
    return failed({
      kind: 'too-many-turns',
      message: `the agent has no result after ${talk.turns} LLM calls, the most allowed`,
    })
  }
  const asked = {
    step: talk.step,
    spent: talk.usage,
    messages: talk.messages,
    tools: [...agent.tools.values()].map((tool) => tool.offer),
    toolsOptional: spec.tools === undefined,
    responseSchema: spec.responseSchema,
  }
  const outcome = await callModel(run, spec, asked, deps)
  if (outcome.kind === 'failed') return brokenOff(outcome.failure, outcome.partial, talk)
  if (outcome.kind !== 'answered') return outcome
  const { answer, usage, by, times } = outcome
  if (answer.toolCalls.length > TOOL_CALLS_MAX) {
    const message = `the model requested ${answer.toolCalls.length} tool calls in one answer`
    return failed({ kind: 'too-many-tool-calls', message })
  }
  const heard = await hearAnswer(talk, answer, usage, agent.rule, by)
  if (run.over !== undefined) return OVER
  const ended = heard.result !== undefined || heard.unchecked !== undefined
  if (ended) return { kind: 'talk', talk: heard, last: { by, lastCall: times } }
  const entry = { by, times, ...llmEntry(talk.step, outcome.model, answer, usage) }
  return commitCall(agent, entry, heard)
}

/** Returns the partial result of a run: the last text if the budget is used up, or the text of a cut answer. */
function brokenOff(failure: Failure, cut: string | undefined, { messages }: Conversation): Ending {
  if (cut !== undefined) return { kind: 'failed', failure, partial: cut }
  if (failure.kind !== 'budget' && failure.kind !== 'no-price') return failed(failure)
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
  if (bytesOf(result) <= deps.resultBytesMax) return { kind: 'completed', result, usage }
  const message = `the result exceeds ${deps.resultBytesMax} bytes`
  return failed({ kind: 'output-too-large', message })
}
