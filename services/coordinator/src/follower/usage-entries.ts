import type { UsageEntry } from '@agentfleet/adapters'
import {
  countedValues,
  lessUsage,
  type TaskEvent,
  type TaskRecord,
  type Usage,
} from '@agentfleet/domain'

/** Usage with the log sequence of its event. */
export interface NotedUsage extends UsageEntry {
  readonly seq: number
}

/** An entry without its names, in memory, bytes. */
const ENTRY_BYTES = 256

/** Returns about what an entry takes in memory; a character of a name takes up to two bytes. */
export function bytesOf({ tenant, model, provider, values = [] }: UsageEntry): number {
  const valueChars = values.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  return (
    ENTRY_BYTES * (1 + values.length) +
    2 * (tenant.length + model.length + provider.length + valueChars)
  )
}

/** Returns what an event adds to the usage of its task. */
export function entryOf(
  event: TaskEvent,
  before: TaskRecord | undefined,
  metadataKeys: readonly string[],
): UsageEntry | undefined {
  if (before === undefined) return undefined
  const { tenant, spec } = before
  const values = countedValues(spec, metadataKeys)
  const { atMs } = event
  if (event.type === 'call-finished') {
    const { usage, by, name } = event.call
    if (event.call.kind !== 'llm' || isNothing(usage)) return undefined
    const model = by?.model ?? name
    const provider = by?.provider ?? 'unknown'
    return { tenant, atMs, model, provider, agent: spec.agent, values, usage }
  }
  if (event.type !== 'completed') return undefined
  // The last call has no event; its usage is the total minus that of the earlier calls.
  const usage = lessUsage(event.usage, before.usage)
  if (isNothing(usage)) return undefined
  const model = event.by?.model ?? spec.model
  const provider = event.by?.provider ?? 'unknown'
  return { tenant, atMs, model, provider, agent: spec.agent, values, usage }
}

function isNothing({ inputTokens, outputTokens, llmCalls }: Usage): boolean {
  return inputTokens + outputTokens + llmCalls === 0
}
