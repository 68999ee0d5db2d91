import type { TailedEvent } from '@agentfleet/adapters'
import { isEnding, type Histories } from '../invariants/logged-event.ts'
import { FEATURE_KEY } from './mix.ts'
import { SCHEDULE_KEY, type Ticks } from './schedules.ts'

/** How many tasks of a kind the log has, by their ending. */
export interface KindCounts {
  readonly tasks: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
}

/** The kind of the tasks without a feature. */
const PLAIN = 'plain'

/** What the events of the log say in addition to the invariants. */
export function createRecord(fromMs: number, ticks: Pick<Ticks, 'note'>) {
  const endingsMs: number[] = []
  const calls = new Map<string, number>()
  const storedAt = new Map<string, number>()
  const timeline = new Map<number, Record<string, number>>()
  /** What users did, by task; plain tasks have no entry. */
  const features = new Map<string, string>()
  return {
    /**
     * When plain tasks ended, and only these: the figure stays comparable, and neither a wait on purpose nor an
     * ending without a run says whether tasks still run.
     */
    endingsMs,
    storedAt,
    calls: () => [...calls.values()].reduce((sum, count) => sum + count, 0),
    timeline: () => [...timeline].map(([second, counts]) => ({ second, ...counts })),
    /** Counts the tasks of each kind by their endings. */
    kinds(histories: Histories): Record<string, KindCounts> {
      const kinds: Record<string, Record<keyof KindCounts, number>> = {}
      for (const [taskId, events] of histories) {
        const kind = (kinds[features.get(taskId) ?? PLAIN] ??= {
          tasks: 0,
          completed: 0,
          failed: 0,
          cancelled: 0,
        })
        kind.tasks += 1
        const end = events.find(isEnding)
        if (end !== undefined) kind[end.type] += 1
      }
      return kinds
    },
    note(tailed: TailedEvent) {
      const { taskId, event, storedAtMs } = tailed
      ticks.note(tailed)
      const second = Math.floor((storedAtMs - fromMs) / 1_000)
      const counts = timeline.get(second) ?? {}
      counts[event.type] = (counts[event.type] ?? 0) + 1
      timeline.set(second, counts)
      if (event.type === 'submitted') {
        const { metadata = {} } = event.spec
        const feature = metadata[FEATURE_KEY] ?? (SCHEDULE_KEY in metadata ? 'schedule' : undefined)
        if (feature !== undefined) features.set(taskId, feature)
      }
      const hasRun = event.type === 'completed' || event.type === 'failed'
      if (hasRun && !features.has(taskId)) endingsMs.push(storedAtMs)
      if (event.type === 'call-finished' && event.call.kind === 'llm') {
        calls.set(taskId, (calls.get(taskId) ?? 0) + 1)
        storedAt.set(`${taskId}/${event.call.step}`, storedAtMs)
      }
      // The last call of a task has no event except the ending.
      if (event.type !== 'completed') return
      calls.set(taskId, event.usage.llmCalls)
      storedAt.set(taskId, storedAtMs)
    },
  }
}
