import { childTaskId } from '@agentfleet/protocol'
import { NO_USAGE, type JournaledCall } from '@agentfleet/domain'
import { addToolOutput, type Conversation, type PendingCall } from './conversation.ts'
import {
  DEADLINE_GRACE_MS,
  OVER,
  awaiting,
  bytesOf,
  failed,
  isConfirmed,
  journaledBytes,
  type Agent,
  type Ending,
  type Turn,
} from './turn.ts'
import { needsApproval, refusedBy, waitForApproval } from '../tools/approval.ts'
import { delegatedResults, delegatedSpecs } from '../tools/delegate.ts'
import { bounded, parseArguments, runTool } from '../tools/run-tool.ts'
import { toolLog } from '../tools/tool-log.ts'
import { wrong, type ToolOutput } from '../tools/tool.ts'

/**
 * Makes the tool calls of one answer. Calls that need no approval and no children run in parallel, and
 * each is journaled under its own step as soon as it ends. Calls that wait for a person or for child
 * tasks follow one after another.
 *
 * Invariants: the commits of a run are sequential, because each names the log sequence of the
 * previous one (L3); a call that ended is journaled even if another call of the turn failed;
 * outputs stand in the conversation in the order of the calls, no matter in which order they ended.
 */
export async function toolTurn(talk: Conversation, agent: Agent): Promise<Turn> {
  const { run, spec, begun, tools } = agent
  agent.deps.noticePause()
  if (run.check !== undefined && !(await isConfirmed(run))) return OVER
  const allowed = (spec.limits?.toolCallsMax ?? Infinity) - talk.toolCalls
  const open = talk.pending.slice(0, allowed)
  const alone = open.filter((call) => !isAwaited(call, agent))
  if (alone.length > 0) return runSideBySide(talk, alone, agent)
  const [call] = open
  if (call === undefined) return { kind: 'talk', talk }
  const approval = begun.approvals.find(({ step }) => step === call.step)
  if (approval === undefined && needsApproval(tools, call)) {
    return { kind: 'paused', wait: waitForApproval(call.step, call) }
  }
  return delegateTurn(talk, call, agent)
}

/** Whether a call waits for approval or for tasks that it creates. */
function isAwaited(call: PendingCall, { tools, begun }: Agent): boolean {
  const approval = begun.approvals.find(({ step }) => step === call.step)
  if (approval?.approved === false) return false
  return (
    tools.get(call.name)?.source === 'run' || (approval === undefined && needsApproval(tools, call))
  )
}

type Ended =
  | { readonly call: PendingCall; readonly output: ToolOutput; readonly startedAtMs: number }
  | Ending

async function runSideBySide(
  talk: Conversation,
  calls: readonly PendingCall[],
  agent: Agent,
): Promise<Turn> {
  const { run } = agent
  const cancels = new Set<() => void>()
  run.cancel = () => {
    for (const cancel of cancels) cancel()
  }
  let commits: Promise<unknown> = Promise.resolve()
  const ended = await Promise.all(
    calls.map(async (call): Promise<Ended> => {
      const result = await callTool(call, agent, cancels)
      if ('kind' in result) return result
      const { startedAtMs } = result
      const entry = { ...toolEntry(call, result.output), times: { startedAtMs } }
      const committed = commits.then(() => commit(agent, entry))
      commits = committed
      return (await committed) ?? result
    }),
  )
  run.cancel = undefined
  // The end of the run takes precedence over a failed call, and a failed call over the next turn.
  const endings = ended.filter((each) => 'kind' in each)
  const ending = endings.find(({ kind }) => kind === 'over') ?? endings[0]
  if (ending !== undefined) return ending
  const outputs = ended.filter((each) => 'output' in each)
  return {
    kind: 'talk',
    talk: outputs.reduce((so, { call, output }) => addToolOutput(so, call.id, output), talk),
  }
}

async function callTool(call: PendingCall, agent: Agent, cancels: Set<() => void>): Promise<Ended> {
  const { run, deps } = agent
  const approval = agent.begun.approvals.find(({ step }) => step === call.step)
  const asked = { call, startedAtMs: deps.clock.nowMs() }
  if (approval?.approved === false) return { ...asked, output: refusedBy(approval) }
  deps.deltas.tool(run, call.name)
  const startedAtMs = deps.clock.monotonicMs()
  let stop: (() => void) | undefined
  const outcome = await runTool(agent.tools, call, {
    taskId: run.taskId,
    tenant: run.tenant,
    step: call.step,
    deadlineAtMs: run.deadlineAtMs + DEADLINE_GRACE_MS,
    charactersMax: deps.toolOutputMax,
    nowMs: deps.clock.nowMs,
    random: deps.random,
    log: toolLog(deps.log, run.taskId, call.step, call.name),
    onStart: (cancel) => {
      stop = cancel
      cancels.add(cancel)
    },
  })
  if (stop !== undefined) cancels.delete(stop)
  deps.metrics.toolSeconds.observe((deps.clock.monotonicMs() - startedAtMs) / 1_000)
  deps.metrics.toolCalls.inc({
    outcome: outcome.kind === 'answered' && outcome.output.error ? 'wrong' : outcome.kind,
  })
  if (outcome.kind === 'cancelled' || run.over !== undefined) return OVER
  if (outcome.kind === 'failed') return failed(outcome.failure)
  return { ...asked, output: outcome.output }
}

/** Creates the tasks of a call once, waits for them, and gives their results to the model. */
async function delegateTurn(talk: Conversation, call: PendingCall, agent: Agent): Promise<Turn> {
  const { run, spec, begun, deps } = agent
  const { step } = call
  const made = begun.children?.filter((child) => child.step === step) ?? []
  if (made.length > 0) {
    const output = delegatedResults(made, begun.inputs ?? [], deps.toolOutputMax)
    return output === undefined
      ? awaiting(made.map(({ taskId }) => taskId))
      : commitTool(talk, call, output, agent)
  }
  deps.deltas.tool(run, call.name)
  const specs = delegatedSpecs(parseArguments(call.arguments), { taskId: run.taskId, step }, spec)
  if ('text' in specs) return commitTool(talk, call, specs, agent)
  const spawning = await deps.spawn(run, step, specs)
  if (spawning === undefined) return OVER
  if (spawning.kind === 'rejected') {
    return commitTool(talk, call, wrong(spawning.error.message), agent)
  }
  return awaiting(specs.map((_spec, position) => childTaskId(run.taskId, step, position)))
}

async function commitTool(
  talk: Conversation,
  call: PendingCall,
  whole: ToolOutput,
  agent: Agent,
): Promise<Turn> {
  const output = bounded(whole, agent.deps.toolOutputMax)
  const entry = toolEntry(call, output)
  return commitCall(agent, entry, addToolOutput(talk, call.id, output))
}

function toolEntry({ id, name, step }: PendingCall, { text, error }: ToolOutput): JournaledCall {
  return {
    step,
    kind: 'tool',
    name,
    output: error ? { id, text, error } : { id, text },
    usage: NO_USAGE,
  }
}

/** Journals a finished call and continues the conversation from `talk`. */
export async function commitCall(
  agent: Agent,
  entry: JournaledCall,
  talk: Conversation,
): Promise<Turn> {
  return (await commit(agent, entry)) ?? { kind: 'talk', talk }
}

/** Journals a finished call; returns undefined on success. */
async function commit(
  { run, journal, deps }: Agent,
  entry: JournaledCall,
): Promise<Ending | undefined> {
  if (run.over !== undefined) return OVER
  const bytes = bytesOf(entry.output)
  if (bytes > deps.resultBytesMax) {
    const message = `the output of step ${entry.step} exceeds ${deps.resultBytesMax} bytes`
    return failed({ kind: 'output-too-large', message })
  }
  journal.bytes += journaledBytes(bytes)
  if (journal.bytes > deps.journalBytesMax) {
    const message = `the finished calls of the run exceed ${deps.journalBytesMax} bytes together; split the task, or let its tools return less`
    return failed({ kind: 'output-too-large', message })
  }
  return (await deps.commit(run, entry)) ? undefined : OVER
}
