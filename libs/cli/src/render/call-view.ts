import { count, duration, usd } from '@agentfleet/domain'
import type { CallMessage, CallText, TaskCall } from '@agentfleet/protocol'
import { time, tokensText } from './formats.ts'
import { fields, type Look } from './table.ts'
import { safe } from './text.ts'

/** One call of a task: when and where it ran, what it cost, what it got, and what it answered. */
export function callDetails(call: TaskCall, look: Look): string {
  const { kind, by, times, usage, endedAtMs, arguments: given, messages, error } = call
  const tookMs =
    times === undefined || endedAtMs === undefined ? undefined : endedAtMs - times.startedAtMs
  const isLlm = kind === 'llm'
  const head = fields(
    [
      ['task', call.taskId],
      ['step', String(call.step)],
      [isLlm ? 'model' : 'tool', call.name],
      ['provider', by && `${by.provider}, ${by.model}`],
      ['attempt', call.attempt === undefined ? undefined : String(call.attempt)],
      ['node', call.node],
      ['replayed from', call.replayedFrom],
      ['started', times && time(times.startedAtMs)],
      ['took', tookMs === undefined ? undefined : duration(tookMs)],
      ['waited for limits', times?.waitedMs === undefined ? undefined : duration(times.waitedMs)],
      [
        'first token after',
        times?.firstTokenMs === undefined ? undefined : duration(times.firstTokenMs),
      ],
      ['tokens', isLlm ? tokensText(usage) : undefined],
      ['cost', isLlm ? usd(usage.costUsd) : undefined],
      ['asked by', call.askedBy === undefined ? undefined : `the model in step ${call.askedBy}`],
    ],
    look,
  )
  const section = (name: string, text: string): string => `${look.paint(name, 'dim')}\n${text}`
  return [
    head,
    ...(messages ?? []).map((message) => section(titleOf(message), messageText(message))),
    ...(given === undefined ? [] : [section('arguments', shown(given))]),
    section(
      error === true ? 'answer (an error)' : 'answer',
      messageText({ ...call, content: call.output }),
    ),
  ].join('\n\n')
}

function titleOf({ role, step }: CallMessage): string {
  return step === undefined ? `message: ${role}` : `message: ${role}, step ${step}`
}

/** A message with the tool calls that it requests. */
function messageText({ content, toolCalls = [] }: Pick<CallMessage, 'content' | 'toolCalls'>) {
  const text = content === undefined ? '(The log does not store this text.)' : shown(content)
  const requests = toolCalls.map(
    ({ step, name, arguments: given }) => `step ${step}: ${safe(name)} ${shown(given)}`,
  )
  return [...(text === '' && requests.length > 0 ? [] : [text]), ...requests].join('\n')
}

function shown({ text, bytes, cut }: CallText): string {
  return cut === undefined ? safe(text) : `${safe(text)}… (the beginning of ${count(bytes)} bytes)`
}
