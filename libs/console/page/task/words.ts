import { ago, duration, plural, shortened } from '@agentfleet/domain'
import type { HistoryEvent, TaskView } from '@agentfleet/protocol'

/** Characters of an error that stand in the sentence about a task. */
export const SENTENCE_CHARS = 600
/** Characters of a text in a row of events; the chosen event has the whole text. */
const ROW_CHARS = 500

/** Says in a sentence what a task does now, or how it ended. */
export function taskWords(task: TaskView, nowMs: number): string {
  const lifeMs = Date.parse(task.updatedAt) - Date.parse(task.createdAt)
  switch (task.state) {
    case 'waiting':
      return waitingWords(task, nowMs)
    case 'queued':
      return 'Waits for a node that takes it; the view Now says whether tasks wait for a limit.'
    case 'running':
      return `Runs${task.node === undefined ? '' : ` on ${task.node}`}, attempt ${Math.max(1, task.attempt)}.`
    case 'retrying': {
      const when = task.retryAt === undefined ? 'soon' : ago(Date.parse(task.retryAt), nowMs)
      return `Attempt ${task.attempt} did not succeed; the next one starts ${when}.`
    }
    case 'completed':
      return `Completed after ${duration(lifeMs)}, attempt ${task.attempt}.`
    case 'failed':
      return `Failed after ${duration(lifeMs)}: ${shortened(task.error?.message ?? 'no reason is stored.', SENTENCE_CHARS)}`
    case 'cancelled':
      return `Cancelled after ${duration(lifeMs)}.`
  }
}

function waitingWords({ waitingFor }: TaskView, nowMs: number): string {
  switch (waitingFor?.kind) {
    case 'dependencies':
      return `Waits for ${plural(waitingFor.taskIds?.length ?? 0, 'task')} to end.`
    case 'children':
      return `Waits for ${plural(waitingFor.taskIds?.length ?? 0, 'task')} that it created.`
    case 'approval':
      return `Waits for a person to approve the tool ${waitingFor.tool ?? ''}.`
    case 'time':
      return waitingFor.until === undefined
        ? 'Waits for a time.'
        : `Waits for its time, ${ago(Date.parse(waitingFor.until), nowMs)}.`
    case undefined:
      return 'Waits.'
  }
}

/**
 * Says what a replay from the journal saves: LLM calls, which are paid, and tool calls, which are not. Undefined if no
 * call has finished.
 */
export function savedWords(events: readonly Pick<HistoryEvent, 'call'>[]): string | undefined {
  const kinds = events.flatMap(({ call }) => call?.kind ?? [])
  const llm = kinds.filter((kind) => kind === 'llm').length
  const tools = kinds.length - llm
  const words = [
    ...(llm === 0 ? [] : [`without paying ${plural(llm, 'LLM call')} again`]),
    ...(tools === 0 ? [] : [`without repeating ${plural(tools, 'tool call')}`]),
  ]
  return words.length === 0 ? undefined : words.join(' and ')
}

/** Says in a few words what a stored event is about. */
export function eventWords(event: HistoryEvent): string {
  const { call, error, reason, wait, children, approval } = event
  const words = [
    call && `${call.kind === 'llm' ? 'LLM call' : 'tool'} ${call.name}, step ${call.step}`,
    error && `${error.code}: ${error.message}`,
    wait && `waits for ${wait.kind}`,
    children && plural(children.length, 'task'),
    approval && `${approval.approved ? 'approved' : 'refused'} by ${approval.by}`,
    reason,
  ]
  return shortened(words.filter(Boolean).join('; '), ROW_CHARS)
}
