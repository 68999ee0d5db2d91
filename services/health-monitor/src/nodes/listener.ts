import type { Bus, BusMessage } from '@agentfleet/adapters'
import { beatSchema, nodeIdOf, snapshotSchema, SUBJECTS } from '@agentfleet/protocol'
import type { TotalsHistory } from '../fleet/history.ts'
import type { MonitorMetrics } from '../metrics.ts'
import type { NodeTable } from './nodes.ts'
import type { Speaker } from '../fleet/primary.ts'
import type { Stalls } from './stalls.ts'
import type { Tally } from '../fleet/totals.ts'
import type { Judge } from './deaths.ts'
import type { Witnesses } from './confirm.ts'

/** What is done with what a monitor hears. */
export interface ListenerDeps {
  readonly bus: Bus
  readonly nodes: NodeTable
  readonly judge: Judge
  readonly witnesses: Witnesses
  readonly stalls: Stalls
  readonly speaker: Speaker
  readonly tally: Tally
  readonly history: TotalsHistory
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  readonly nowMs: () => number
  /** A node that beats on with a dead incarnation. */
  readonly tell: (nodeId: string, deadIncarnation: number) => void
  /** What is published next differs from what was published last. */
  readonly onChange: () => void
}

/** Hears beats, and what other monitors show, until it is closed. */
export function listen(deps: ListenerDeps): { close(): void }[] {
  const { bus, history, monitorId, tally } = deps
  return [
    bus.subscribe(SUBJECTS.allBeats, (message) => hearBeat(message, deps)),
    bus.subscribe(SUBJECTS.snapshot, (message) => hearSnapshot(message, deps)),
    bus.subscribe(SUBJECTS.history, (message) => {
      const latest = history.hear(message.text())
      if (latest !== undefined) tally.atLeast(latest.completed, latest.failed)
    }),
  ]

  function hearBeat(message: BusMessage, { nodes, judge, metrics, nowMs }: ListenerDeps): void {
    const { data: beat } = beatSchema.safeParse(JSON.parse(message.text()))
    if (beat === undefined || beat.nodeId !== nodeIdOf(message.subject)) {
      metrics.beats.inc({ outcome: 'malformed' })
      return
    }
    const before = nodes.get(beat.nodeId)
    const beatBefore = before?.beat
    const gapMs = nowMs() - (before?.lastBeatAtMs ?? nowMs())
    const { decision, replaced } = nodes.hear(beat, nowMs())
    metrics.beats.inc({ outcome: decision.reason })
    if (decision.kind === 'ignore') {
      if (decision.reason === 'dead-incarnation') deps.tell(beat.nodeId, beat.incarnation)
      return
    }
    tally.count(beatBefore, beat)
    if (before !== undefined && before.state !== 'dead') metrics.silence.observe(gapMs / 1_000)
    deps.witnesses.forget(beat.nodeId)
    if (decision.reason !== 'newer') {
      deps.onChange()
      const entry = nodes.get(beat.nodeId)
      if (entry !== undefined) judge.recall(entry)
    }
    if (replaced !== undefined) judge.replaced(replaced)
  }

  /** What other monitors show as dead has a verdict (M2), so it is dead here as well. */
  function hearSnapshot(
    message: BusMessage,
    { nodes, judge, stalls, speaker }: ListenerDeps,
  ): void {
    const { data: snapshot } = snapshotSchema.safeParse(JSON.parse(message.text()))
    if (snapshot === undefined || snapshot.monitorId === monitorId) return
    speaker.hear(snapshot.monitorId)
    const spoken = snapshot.monitorId < monitorId
    for (const { nodeId, incarnation, state } of snapshot.nodes) {
      if (state === 'dead') judge.adopt(nodeId, incarnation)
      const entry = nodes.get(nodeId)
      if (entry === undefined || entry.beat.incarnation !== incarnation) continue
      // One that takes over goes on with the marks of the one before.
      if (state === 'stalled' || (spoken && state === 'alive')) {
        stalls.adopt(entry, state === 'stalled')
      }
    }
  }
}
