import { NO_USAGE, type TaskEvent } from '@agentfleet/domain'
import { STREAMS, SUBJECTS } from '@agentfleet/protocol'
import type { Llm } from '../../../../services/worker/src/llm/llm.ts'
import type { LlmOutcome, LlmRequest } from '../../../../services/worker/src/llm/request.ts'
import { offerOf, type Tool } from '../../../../services/worker/src/tools/tool.ts'
import type { MemoryNats } from '../memory/server.ts'
import type { Stored } from '../memory/streams.ts'
import { wholeOf, type Chance } from '../time/random.ts'

/**
 * The LLM provider of a history: it answers after a while, sometimes not at all, and counts every call.
 *
 * A task of the model `sim-3` takes three calls: the first two answers ask for a tool, the last one is the
 * result. A run that begins a call whose answer the log already holds pays for it twice.
 */
export interface Provider {
  llmOf(nodeId: string): Llm
  /** Calls that began although their answer was in the log before their run began. */
  paidAgain(): readonly PaidAgain[]
}

/** A call that was paid for although its answer was stored. */
interface PaidAgain {
  readonly taskId: string
  readonly step: number
  readonly nodeId: string
  /** The run had begun through the coordinator: it had received the answer and still made the call. */
  readonly fenced: boolean
}

/** The behaviour of a provider in one history. */
export interface Temper {
  readonly failureShare: number
  readonly deferredShare: number
  /** The duration of the few slow calls, milliseconds. */
  readonly longMs: number
  readonly longShare: number
}

const SHORT_MIN_MS = 10
const SHORT_MAX_MS = 300
const DEFERRED_MAX_MS = 900

/** A task whose agent delegates work first. */
export const DELEGATE_TASK = 'delegate'
/** A task whose agent calls a tool that needs approval. */
export const APPROVE_TASK = 'approve'
const CHILDREN = JSON.stringify({
  tasks: [
    { agent: 'helper', task: 'first' },
    { agent: 'helper', task: 'second', after: [0] },
  ],
})

/** A tool that runs only after approval. */
export const guardedTool: Tool = {
  offer: offerOf('guarded', 'Asks first.', { type: 'object' }),
  source: 'built-in',
  timeoutMs: 1_000,
  approval: true,
  idempotent: true,
  run: () => Promise.resolve({ text: 'done', error: false }),
}

/** Creates a provider that checks calls against this log. */
export function createProvider(
  server: MemoryNats,
  chance: Chance,
  temper: Temper,
  fenced: (nodeId: string, taskId: string) => boolean,
): Provider {
  const again: PaidAgain[] = []

  const note = ({ taskId, step }: LlmRequest, nodeId: string): void => {
    const events = historyOf(server, taskId)
    const stored = events.find(
      ({ event }) => event.type === 'call-finished' && event.call.step === step,
    )
    if (stored === undefined) return
    const started = events.findLast(
      ({ event }) => event.type === 'attempt-started' && event.node === nodeId,
    )
    // A superseded run does not know of the answer yet.
    const own = 'attempt' in stored.event ? stored.event.attempt : 0
    const began = started?.event.type === 'attempt-started' ? started.event.attempt : 0
    if (started !== undefined && stored.seq > started.seq && own > began) return
    again.push({ taskId, step, nodeId, fenced: fenced(nodeId, taskId) })
  }

  const answer = ({ messages, model }: LlmRequest): LlmOutcome => {
    const turn = messages.filter(({ role }) => role === 'assistant').length + 1
    const asks = [DELEGATE_TASK, APPROVE_TASK].includes(messages[1]?.content ?? '')
    const wanted = Math.max(asks ? 2 : 1, Number(model.slice('sim-'.length)))
    const usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 5, llmCalls: 1 }
    const by = { provider: 'sim', model }
    const times = { startedAtMs: 0 }
    if (turn >= wanted) {
      return { kind: 'answered', answer: { text: 'done', toolCalls: [] }, usage, model, by, times }
    }
    const call = { id: `c${turn}`, ...toolOf(messages[1]?.content ?? '', turn) }
    return { kind: 'answered', answer: { text: '', toolCalls: [call] }, usage, model, by, times }
  }

  return {
    paidAgain: () => again,
    llmOf(nodeId) {
      let calling = 0
      return {
        call(request) {
          const lot = chance()
          if (lot < temper.deferredShare) {
            const retryAfterMs = wholeOf(chance, 100, DEFERRED_MAX_MS)
            return Promise.resolve({ kind: 'deferred', retryAfterMs })
          }
          note(request, nodeId)
          calling += 1
          const tookMs =
            chance() < temper.longShare
              ? temper.longMs
              : wholeOf(chance, SHORT_MIN_MS, SHORT_MAX_MS)
          const failed = lot < temper.deferredShare + temper.failureShare
          return new Promise<LlmOutcome>((resolve) => {
            const settle = (outcome: LlmOutcome): void => {
              calling -= 1
              clearTimeout(timer)
              resolve(outcome)
            }
            const timer = setTimeout(() => {
              const failure = { kind: 'status', status: 503, message: 'busy' } as const
              settle(failed ? { kind: 'failed', failure } : answer(request))
            }, tookMs)
            request.onStart(() => settle({ kind: 'cancelled' }))
          })
        },
        sweep: () => undefined,
        providers: () => [],
        requests: () => [],
        progress: () => ({ calling, heard: 0, ended: 0, throttled: 0 }),
        waiting: () => 0,
        close: () => undefined,
      }
    },
  }
}

function toolOf(task: string, turn: number): { readonly name: string; readonly arguments: string } {
  if (turn === 1 && task === DELEGATE_TASK) return { name: 'delegate', arguments: CHILDREN }
  if (turn === 1 && task === APPROVE_TASK) return { name: 'guarded', arguments: '{}' }
  return { name: 'calculate', arguments: '{"expression":"1+1"}' }
}

/** The events of a task as the log holds them. */
export function historyOf(
  server: MemoryNats,
  taskId: string,
): { readonly event: TaskEvent; readonly seq: number; readonly storedAtMs: number }[] {
  const stream = server.api.streams.get(STREAMS.log)
  const seqs = stream?.bySubject.get(SUBJECTS.log(taskId)) ?? []
  return seqs.flatMap((seq) => {
    const message = stream?.messages.get(seq)
    return message === undefined ? [] : [{ event: eventOf(message), seq, storedAtMs: message.atMs }]
  })
}

/** The event in a stored message. */
export function eventOf(message: Stored): TaskEvent {
  message.parsed ??= JSON.parse(message.data)
  return message.parsed as TaskEvent
}
