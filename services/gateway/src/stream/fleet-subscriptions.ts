import type { FleetTopic } from '@agentfleet/protocol'
import { decisionView, incidentView } from '../fleet/control-views.ts'
import { encode, type Frame, type Viewer } from './subscriptions.ts'
import type { ControlPlaneChange } from '../fleet/recent-decisions.ts'

/** The viewers that follow decisions or incidents; each gets the records that it may see. */
export type FleetSubscriptions = ReturnType<typeof createFleetSubscriptions>

type RecordTopic = Exclude<FleetTopic, 'nodes'>

/** Whether the topic consists of records of the control plane. */
export function isRecordTopic(topic: FleetTopic): topic is RecordTopic {
  return topic !== 'nodes'
}

/** Creates an empty collection of subscriptions. */
export function createFleetSubscriptions(operators: ReadonlySet<string>) {
  const viewers: Readonly<Record<RecordTopic, Set<Viewer>>> = {
    decisions: new Set(),
    incidents: new Set(),
  }
  return {
    follow(viewer: Viewer, topics: readonly RecordTopic[]): void {
      for (const topic of topics) viewers[topic].add(viewer)
    },
    unfollow(viewer: Viewer, topics: readonly RecordTopic[] = ['decisions', 'incidents']): void {
      for (const topic of topics) viewers[topic].delete(viewer)
    },
    deliver(change: ControlPlaneChange): void {
      const frames = new Map<boolean, Frame>()
      for (const viewer of viewers[change.topic]) {
        const operator = operators.has(viewer.tenant)
        const frame = frames.get(operator) ?? frameOf(change, operator)
        frames.set(operator, frame)
        viewer.send(frame)
      }
    },
  }
}

function frameOf(change: ControlPlaneChange, operator: boolean): Frame {
  return encode(
    change.topic === 'decisions'
      ? { type: 'decision', decision: decisionView(change.recorded, operator) }
      : { type: 'incident', incident: incidentView(change.incident, operator) },
  )
}
