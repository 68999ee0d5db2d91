import type { TaskSpec } from '@agentfleet/domain'
import type { LlmOutcome, LlmRequest } from '../llm/request.ts'
import type { Run } from '../node/runs.ts'
import { DEADLINE_GRACE_MS, isConfirmed, OVER, type AgentDeps, type Ending } from './turn.ts'

type Asked = Pick<
  LlmRequest,
  'step' | 'spent' | 'messages' | 'tools' | 'toolsOptional' | 'responseSchema'
>
type Called = Extract<LlmOutcome, { kind: 'answered' | 'failed' }>

/** Calls the model of a run; the run ends or pauses if the call ends without an answer and without a failure. */
export async function callModel(
  run: Run,
  spec: TaskSpec,
  asked: Asked,
  { llm, deltas, metrics, clock, noticePause }: AgentDeps,
): Promise<Called | Exclude<Ending, { kind: 'failed' | 'completed' }>> {
  if (run.check !== undefined && !(await isConfirmed(run))) return OVER
  const startedAtMs = clock.monotonicMs()
  // Not a spread: fields that follow a spread give each object another hidden class, and slow all its readers.
  const outcome = await llm.call({
    taskId: run.taskId,
    step: asked.step,
    tenant: run.tenant,
    priority: spec.priority,
    sinceMs: run.deadlineAtMs - spec.timeoutMs,
    model: spec.model,
    fallbackModels: spec.fallbackModels,
    budget: spec.budget,
    spent: asked.spent,
    messages: asked.messages,
    tools: asked.tools,
    toolsOptional: asked.toolsOptional,
    sampling: spec.sampling,
    responseSchema: asked.responseSchema,
    outputTokensMax: spec.maxOutputTokens,
    deadlineAtMs: run.deadlineAtMs + DEADLINE_GRACE_MS,
    confirm() {
      noticePause()
      return run.check
    },
    onText: (text) => deltas.text(run, text),
    onStart: (cancel) => {
      run.cancel = cancel
    },
  })
  run.cancel = undefined
  metrics.llmCalls.inc({ outcome: outcome.kind })
  if (outcome.kind === 'cancelled' || run.over !== undefined) return OVER
  if (outcome.kind === 'deferred') {
    // The turn of the call is so late that another run should have the slot.
    const untilMs = clock.nowMs() + outcome.retryAfterMs
    return { kind: 'paused', wait: { kind: 'time', untilMs } }
  }
  if (outcome.kind === 'failed') return outcome
  metrics.llmSeconds.observe((clock.monotonicMs() - startedAtMs) / 1_000)
  metrics.tokens.inc({ direction: 'in' }, outcome.usage.inputTokens)
  metrics.tokens.inc({ direction: 'out' }, outcome.usage.outputTokens)
  deltas.flush(run)
  return outcome
}
